import type { Container, Problem } from './model.ts';
import type { WantedRoute } from './routes-model.ts';

/** Of one container: what Nginx has to hold for it, so that nobody's labels fill the memory or outlast the test. */
const MOST_NAMES = 1_000;
const MOST_NETWORKS = 20_000;

/** A problem where a container asks for more than that, else none. */
export function tooMuch({ name }: Container, wanted: readonly WantedRoute[]): readonly Problem[] {
  const problem = (reason: string): readonly Problem[] => [{ container: name, label: '', reason }];
  const names = sum(wanted, ({ redirectFrom }) => 1 + redirectFrom.length);
  if (names > MOST_NAMES) {
    return problem(
      `asks for ${names} routes and redirected names; one container can have ${MOST_NAMES}`,
    );
  }
  const networks = sum(wanted, ({ access }) => access.allow.length);
  if (networks <= MOST_NETWORKS) return [];
  return problem(
    `lists ${networks} networks in "allow", those of each route counted; one container can have ${MOST_NETWORKS}`,
  );
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
