import type { Container } from './model.ts';

/** Longer than the ten seconds that Docker gives a container to stop. */
const DRAIN_MS = 30_000;

/**
 * What containers there are, event by event. A container that stops lingers: it may be back in a
 * moment (a restart takes half a second), and a route taken away and given back costs two reloads.
 * All times are milliseconds of one steady clock.
 */
export class Tracker {
  #containers = new Map<string, Container>();
  /** Those that ended and are still there: they may be started again. */
  readonly #ended = new Map<string, Container>();
  readonly #lingering = new Map<
    string,
    { readonly container: Container; readonly until: number }
  >();
  /** Until when each container that was told to stop, and may still answer, counts as such. */
  readonly #draining = new Map<string, number>();
  #lingerMs: number;

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  set lingerMs(value: number) {
    this.#lingerMs = value;
  }

  /** Every container that exists as far as we know, running or only created. */
  get containers(): readonly Container[] {
    return [...this.#containers.values()];
  }

  /** Containers that ended and are still there. */
  get ended(): readonly Container[] {
    return [...this.#ended.values()];
  }

  get running(): readonly Container[] {
    return this.containers.filter(({ state }) => state === 'running');
  }

  /** Containers that stopped a moment ago, as they were when they ran. */
  get lingering(): readonly Container[] {
    return [...this.#lingering.values()].map(({ container }) => container);
  }

  /** Is it about to stop, or has it just done so? */
  isDraining(id: string): boolean {
    return this.#draining.has(id);
  }

  get(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  /** When `expire` has something to do next; Infinity for never. */
  get nextExpiryAt(): number {
    const lingering = [...this.#lingering.values()].map(({ until }) => until);
    return Math.min(Infinity, ...lingering, ...this.#draining.values());
  }

  /** Takes in that a running container was told to stop. One that goes on all the same is believed after a while. */
  drain(id: string, now: number): void {
    if (this.#containers.get(id)?.state === 'running') this.#draining.set(id, now + DRAIN_MS);
  }

  /** Takes in that a container goes on after a stop or a pause, however short. */
  resumed(id: string): void {
    this.#draining.delete(id);
  }

  /** Takes in what an inspect said of one container. */
  put(container: Container, now: number): void {
    if (container.state === 'running') {
      this.#lingering.delete(container.id);
      if (this.#containers.get(container.id)?.state !== 'running') this.resumed(container.id);
    } else {
      this.#letLinger(container.id, now, container);
    }
    if (hasEnded(container)) {
      this.#containers.delete(container.id);
      this.#ended.set(container.id, container);
    } else {
      this.#containers.set(container.id, container);
      this.#ended.delete(container.id);
    }
  }

  /** Takes in that a container is not there any more. */
  gone(id: string, now: number): void {
    this.#letLinger(id, now);
    this.#containers.delete(id);
    this.#ended.delete(id);
  }

  /** Takes in a whole list: who is not in it is gone. An unchanged container stays the same object. */
  replaceAll(containers: readonly Container[], now: number): void {
    const listed = new Set(containers.map(({ id }) => id));
    for (const id of [...this.#containers.keys(), ...this.#ended.keys()])
      if (!listed.has(id)) this.gone(id, now);
    for (const container of containers) {
      const known = this.#containers.get(container.id);
      if (!known || !sameContainer(known, container)) this.put(container, now);
    }
  }

  /** Forgets who has lingered or drained long enough. True when there was one. */
  expire(now: number): boolean {
    const due = [...this.#lingering].filter(([, { until }]) => until <= now);
    for (const [id] of due) this.#lingering.delete(id);
    const drained = [...this.#draining].filter(([, until]) => until <= now);
    for (const [id] of drained) this.#draining.delete(id);
    return due.length + drained.length > 0;
  }

  /** @param after what an inspect says of it now: a list did not tell which ports it asks for */
  #letLinger(id: string, now: number, after?: Container): void {
    const before = this.#containers.get(id);
    if (before?.state !== 'running') return;
    const { portBindings } = after ?? before;
    const container = portBindings.length > 0 ? { ...before, portBindings } : before;
    const until = now + this.#lingerMs;
    if (this.#draining.has(id)) this.#draining.set(id, until);
    if (this.#lingerMs > 0) this.#lingering.set(id, { container, until });
  }
}

export const hasEnded = ({ state }: Container): boolean =>
  ['exited', 'dead', 'removing'].includes(state);

/** Are two readings of a container the same in all that routes and rules depend on? */
export function sameContainer(a: Container, b: Container): boolean {
  return JSON.stringify(essence(a)) === JSON.stringify(essence(b));
}

/** A list does not tell port bindings, an inspect may order ports differently. */
const essence = ({
  id,
  name,
  state,
  health,
  labels,
  published,
  endpoints,
  networkMode,
}: Container): unknown => [
  id,
  name,
  state,
  health,
  Object.entries(labels).toSorted(([x], [y]) => (x < y ? -1 : 1)),
  published
    .map((port) =>
      JSON.stringify([port.hostAddress, port.hostPort, port.containerPort, port.protocol]),
    )
    .toSorted(),
  endpoints.map(({ network, ipv4, ipv6 }) => `${network} ${ipv4 ?? ''} ${ipv6 ?? ''}`).toSorted(),
  networkMode,
];
