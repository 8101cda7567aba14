import type { Log } from '../adapters/log.ts';
import type { Problem } from '../core/model.ts';
import { problemKind, problemText } from '../core/problem-text.ts';

/** Names of the events. */
const EVENTS: Readonly<Record<ReturnType<typeof problemKind>, string>> = {
  quarantined: 'quarantined',
  rejected: 'rejected',
  warning: 'partly-refused',
};

/** Tells a problem once when it appears and once when it goes. */
export function createTold(log: Log): (problems: readonly Problem[]) => void {
  let known = new Map<string, string>();
  return (problems) => {
    const texts = new Map(problems.map((each) => [problemText(each), EVENTS[problemKind(each)]]));
    for (const [text, what] of texts) if (!known.has(text)) log.warn(what, { problem: text });
    for (const [text, what] of known) {
      if (!texts.has(text)) log.info(`no-longer-${what}`, { problem: text });
    }
    known = texts;
  };
}
