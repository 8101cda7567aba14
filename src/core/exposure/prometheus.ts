/** Prometheus' text format 0.0.4, for a textfile collector or a push gateway. */
import type { Finding, Verdict } from './exposure.ts';

const VERDICTS: readonly Verdict[] = ['open', 'public', 'closed', 'unguardable'];

/** @param now seconds since 1970 */
export function prometheus(
  findings: readonly Finding[],
  { enforced, disagreements, now }: { enforced: boolean; disagreements: number; now: number },
): string {
  const open = findings.filter(({ verdict }) => verdict === 'open');
  return [
    ...metric('portcullis_audit_paths', 'Paths to container ports from outside, by verdict.'),
    ...VERDICTS.map(
      (each) =>
        `portcullis_audit_paths{verdict="${each}"} ${findings.filter(({ verdict }) => verdict === each).length}`,
    ),
    ...metric('portcullis_audit_open', 'A path that is open and should not be.'),
    ...new Set(
      open.map(({ container, port, protocol, bind, path, certain, proven }) => {
        const labels = { container, port, protocol, bind, path, certain, proven };
        const text = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
        return `portcullis_audit_open{${text.join(',')}} 1`;
      }),
    ),
    ...metric(
      'portcullis_audit_disagreements',
      'Packets that met something else than the rules say.',
    ),
    `portcullis_audit_disagreements ${disagreements}`,
    ...metric(
      'portcullis_audit_firewall_enforced',
      'Whether the ruleset of Portcullis is in force.',
    ),
    `portcullis_audit_firewall_enforced ${enforced ? 1 : 0}`,
    ...metric('portcullis_audit_timestamp_seconds', 'When this audit was made.'),
    `portcullis_audit_timestamp_seconds ${now}`,
    '',
  ].join('\n');
}

const metric = (name: string, help: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} gauge`,
];

const escaped = (value: string | number | boolean): string =>
  String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
