/** One commit to the kernel's tables, as `nft monitor` tells it. */
export type FirewallChange = {
  readonly generation: number | undefined;
  readonly pid: number | undefined;
  /** Of the process that made it; '' where it is not known. */
  readonly program: string;
  /** `inet portcullis`, `ip mangle`, …: those that the commit touched. */
  readonly tables: readonly string[];
};

/** Takes lines one by one and answers with a change where one ends. */
export function monitorLines(): (line: string) => FirewallChange | undefined {
  let tables = new Set<string>();
  return (line) => {
    const table = TOUCHED.exec(line)?.[1];
    if (table !== undefined) tables.add(table);
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

const TOUCHED =
  /^(?:add|delete|insert|replace|destroy|create) (?:table|chain|rule|set|map|element|flowtable|counter|quota|limit) ((?:ip|ip6|inet|arp|bridge|netdev) \S+)/;
const GENERATION = /^# new generation (\d+)(?: by process (\d+) \((.*)\))?/;
