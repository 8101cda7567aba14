import type { SwarmService } from '../docker/from-service.ts';
import type { ServiceChanges } from './service-list.ts';

/** How many removals are remembered; who knows an older version is given the whole list. */
const MOST_GONE = 10_000;

/**
 * The services, change by change: who knows a version is told only what came since. A service that
 * did not change stays the same object.
 */
export class ServiceRegistry {
  readonly #epoch: string;
  #sequence = 0;
  /** Versions before this one are not known any more. */
  #oldest = 0;
  readonly #services = new Map<string, { service: SwarmService; at: number }>();
  readonly #gone = new Map<string, number>();
  #sorted: readonly SwarmService[] | undefined;

  /** @param epoch tells this registry from every other one */
  constructor(epoch: string) {
    this.#epoch = epoch;
  }

  get version(): string {
    return `${this.#epoch}.${this.#sequence}`;
  }

  /** Sorted by name; the same object until something changes. */
  get services(): readonly SwarmService[] {
    return (this.#sorted ??= [...this.#services.values()]
      .map(({ service }) => service)
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
  }

  /** Takes in a whole list. True where it changed something. */
  replaceAll(services: readonly SwarmService[]): boolean {
    const listed = new Set(services.map(({ id }) => id));
    const gone = [...this.#services.keys()].filter((id) => !listed.has(id));
    return this.apply({ changed: services, gone });
  }

  /** True where it changed something. */
  apply({ changed, gone }: Pick<ServiceChanges, 'changed' | 'gone'>): boolean {
    const news = changed.filter((service) => {
      const before = this.#services.get(service.id);
      return !before || JSON.stringify(before.service) !== JSON.stringify(service);
    });
    const lost = gone.filter((id) => this.#services.has(id));
    if (news.length + lost.length === 0) return false;
    this.#sequence += 1;
    this.#sorted = undefined;
    for (const service of news) {
      this.#services.set(service.id, { service, at: this.#sequence });
      this.#gone.delete(service.id);
    }
    for (const id of lost) {
      this.#services.delete(id);
      this.#gone.set(id, this.#sequence);
    }
    for (const [id, at] of this.#gone) {
      if (this.#gone.size <= MOST_GONE) break;
      this.#gone.delete(id);
      this.#oldest = at;
    }
    return true;
  }

  /** What came after `known`; everything where that is no version of ours. */
  since(known: string | undefined): ServiceChanges {
    const { version } = this;
    const [epoch, sequence = ''] = known?.split('.') ?? [];
    const from = /^\d{1,15}$/.test(sequence) ? Number(sequence) : -1;
    if (epoch !== this.#epoch || from < this.#oldest || from > this.#sequence) {
      return { version, full: true, changed: this.services, gone: [] };
    }
    const isLater = ({ at }: { at: number }): boolean => at > from;
    return {
      version,
      full: false,
      changed: [...this.#services.values()].filter(isLater).map(({ service }) => service),
      gone: [...this.#gone].flatMap(([id, at]) => (at > from ? [id] : [])),
    };
  }
}
