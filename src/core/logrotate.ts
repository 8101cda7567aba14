/** The logrotate file for a log of Portcullis' own sites, which Nginx writes. */
import { MARKER } from './watch-unit.ts';

/**
 * @param log absolute, without spaces or wildcards
 * @param pidPath of Nginx's master, which opens its logs anew on SIGUSR1
 */
export const logrotateText = (log: string, pidPath: string): string => `${MARKER}.
${log} {
	daily
	rotate 14
	missingok
	notifempty
	compress
	delaycompress
	create
	sharedscripts
	postrotate
		[ ! -s ${pidPath} ] || kill -USR1 "$(cat ${pidPath})"
	endscript
}
`;

/** The patterns of logs that a logrotate file rotates; two files for one log are an error to it. */
export function rotatedBy(text: string): readonly string[] {
  const patterns: string[] = [];
  let waiting: string[] = [];
  let inside = false;
  for (const line of text.split('\n').map((each) => each.replace(/#.*/, '').trim())) {
    if (inside) {
      inside = line !== '}';
      continue;
    }
    const opens = line.includes('{');
    // A line outside that begins otherwise is a directive, as "weekly".
    const words = (opens ? line.slice(0, line.indexOf('{')) : line).match(/"[^"]*"|\S+/g) ?? [];
    if (/^["/]/.test(words[0] ?? '')) {
      waiting.push(...words.map((word) => word.replaceAll('"', '')));
    }
    if (!opens) continue;
    patterns.push(...waiting);
    waiting = [];
    inside = !line.endsWith('}');
  }
  return patterns;
}
