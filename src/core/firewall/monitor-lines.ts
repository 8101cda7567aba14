/** One commit to the kernel's tables, as `nft monitor` tells it. */
export type FirewallChange = {
  readonly generation: number | undefined;
  readonly pid: number | undefined;
  /** Of the process that made it; '' where it is not known. */
  readonly program: string;
  /** `inet portcullis`, `ip mangle`, …: those that the commit touched. */
  readonly tables: readonly string[];
};

/** Something may have changed, and nobody knows what: to be taken as a change of every table. */
export const UNKNOWN_CHANGE: FirewallChange = {
  generation: undefined,
  pid: undefined,
  program: '',
  tables: [],
};

export const concerns = (change: FirewallChange, tables: readonly string[]): boolean =>
  change.generation === undefined || change.tables.some((table) => tables.includes(table));

/** Takes lines one by one and answers with a change where one ends. */
export function monitorLines(): (line: string) => FirewallChange | undefined {
  let tables = new Set<string>();
  return (line) => {
    const table = TOUCHED.exec(line)?.[1];
    if (table !== undefined) tables.add(table);
    if (LOST.test(line)) return UNKNOWN_CHANGE;
    const end = GENERATION.exec(line);
    if (!end) return undefined;
    const change: FirewallChange = {
      generation: Number(end[1]),
      pid: end[2] === undefined ? undefined : Number(end[2]),
      program: end[3] ?? '',
      tables: [...tables].toSorted(),
    };
    tables = new Set();
    return change;
  };
}

/** The kernel had more to say than was read in time. */
const LOST = /^# ERROR: .*lost/;
const TOUCHED =
  /^(?:add|delete|insert|replace|destroy|create) (?:table|chain|rule|set|map|element|flowtable|counter|quota|limit) ((?:ip|ip6|inet|arp|bridge|netdev) \S+)/;
const GENERATION = /^# new generation (\d+)(?: by process (\d+) \((.*)\))?/;
