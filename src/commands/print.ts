import type { Published } from '../app/publisher.ts';
import { hostStem } from '../core/names.ts';
import type { Problem } from '../core/model.ts';
import { problemKind, problemText } from '../core/problem-text.ts';

export function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** Rejections go to stderr: stdout is for results. */
export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) {
    process.stderr.write(`${problemKind(problem)}: ${problemText(problem)}\n`);
  }
}

/** What a publish changed, a line a site, and what is live now. */
export function summaryLines({
  plan,
  generation,
  live,
  changes,
  reloaded,
}: Published): readonly string[] {
  const before = new Set(live?.manifest.sites.map(({ host }) => host));
  const touched = new Set(changes.map(({ path }) => path.replace(/\.[0-9a-f]{16}\.conf$/, '')));
  const lines = plan.sites.flatMap(({ host }) => {
    if (!touched.has(`sites/${hostStem(host)}`)) return [];
    return [`${before.has(host) ? 'replaced' : 'created'} ${host}`];
  });
  const now = new Set(plan.sites.map(({ host }) => host));
  const removed = [...before].filter((host) => !now.has(host)).map((host) => `removed ${host}`);
  const count = `${plan.sites.length} site${plan.sites.length === 1 ? '' : 's'}`;
  const what = changes.length === 0 ? 'nothing changed' : `generation ${generation.id} is live`;
  const told = changes.length === 0 ? '' : ', Nginx was not told to reload';
  return [...lines, ...removed, `${what}: ${count}${reloaded ? ', Nginx reloaded' : told}`];
}
