/** `nft -j list ruleset`, with the text of `nft -a list ruleset` for what JSON leaves out. */
import type { AddressRange } from './address-range.ts';
import { PROTOCOLS } from './packet.ts';
import { fieldOf } from './nft-fields.ts';
import { isRecord } from './nft-json.ts';
import { boundsOf, elementValue, addressRange, type Field, type NftSets } from './nft-values.ts';
import { elementsOf } from './nft-lookup.ts';
import { nftSteps } from './nft-statements.ts';
import {
  ordered,
  type LiveRules,
  type BaseChain,
  type Forwarding,
  type Hook,
  type Rule,
} from './rule-model.ts';
import { hexAddress } from './address-range.ts';

type Json = Readonly<Record<string, unknown>>;
type Told = {
  readonly sources: AddressRange[];
  readonly sourcePorts: number[];
  readonly forwardings: Forwarding[];
};

/**
 * @param json what `nft -j list ruleset` printed
 * @param listing what `nft -a list ruleset` printed: rules as text, devices, sleeping tables
 * @param skip tables that another reader takes, as `ip filter` where iptables-nft made it
 * @throws {SyntaxError} where it is no JSON
 */
export function nftRuleset(
  json: string,
  { listing, skip }: { listing: string; skip: ReadonlySet<string> },
): LiveRules {
  const parsed: unknown = JSON.parse(json);
  const items = isRecord(parsed) && Array.isArray(parsed['nftables']) ? parsed['nftables'] : [];
  const shown = readListing(listing);
  const told: Told = { sources: [], sourcePorts: [], forwardings: [] };
  const tables = new Map<string, Table>();
  const tableOf = (object: Json): Table => {
    const name = `${String(object['family'])} ${String(object['table'])}`;
    const known = tables.get(name) ?? { name, sets: new Map(), chains: new Map(), bases: [] };
    tables.set(name, known);
    return known;
  };
  const all: readonly unknown[] = items;
  const objects = (kind: string): readonly Json[] =>
    all.flatMap((item) => {
      const inside = isRecord(item) ? item[kind] : undefined;
      return isRecord(inside) ? [inside] : [];
    });
  for (const { family, name } of objects('table')) tableOf({ family, table: name });
  for (const set of [...objects('set'), ...objects('map')]) {
    tableOf(set).sets.set(String(set['name']), Array.isArray(set['elem']) ? set['elem'] : []);
  }
  for (const chain of objects('chain')) {
    const table = tableOf(chain);
    table.chains.set(String(chain['name']), []);
    if (typeof chain['hook'] === 'string') table.bases.push(chain);
  }
  for (const rule of objects('rule')) {
    const table = tableOf(rule);
    const expressions = Array.isArray(rule['expr']) ? rule['expr'] : [];
    const chain = String(rule['chain']);
    const text =
      shown.rules.get(`${table.name} ${String(rule['handle'])}`) ?? JSON.stringify(expressions);
    table.chains
      .get(chain)
      ?.push({ steps: nftSteps(expressions, table.sets), text: `${chain}: ${text}` });
    tell(expressions, table.sets, { told, text: `table ${table.name}: ${chain}: ${text}` });
  }
  const bases = [...tables.values()]
    .filter(({ name }) => !skip.has(name) && !shown.dormant.has(name))
    .flatMap((table) => table.bases.flatMap((chain) => baseChain(chain, table, shown)));
  return ordered({ bases, ...told }, [...tables.keys()]);
}

type Table = {
  readonly name: string;
  readonly sets: Map<string, readonly unknown[]>;
  readonly chains: Map<string, Rule[]>;
  readonly bases: Json[];
};

const FAMILIES: Readonly<Record<string, BaseChain['family']>> = {
  ip: 'v4',
  ip6: 'v6',
  inet: 'both',
  netdev: 'both',
};
const HOOKS: readonly string[] = [
  'ingress',
  'prerouting',
  'input',
  'forward',
  'output',
  'postrouting',
];
const isHook = (text: unknown): text is Hook => typeof text === 'string' && HOOKS.includes(text);

function baseChain(chain: Json, table: Table, shown: Listing): readonly BaseChain[] {
  const family = FAMILIES[String(chain['family'])];
  const { hook, type, name } = chain;
  if (family === undefined || !isHook(hook) || typeof name !== 'string') return [];
  const device = chain['dev'] ?? shown.devices.get(`${table.name} ${name}`);
  return [
    {
      table: table.name,
      name,
      tool: 'nft',
      family,
      type: type === 'nat' ? 'nat' : 'filter',
      hook,
      priority: Number(chain['prio']),
      order: 0,
      policy: chain['policy'] === 'drop' ? 'drop' : 'accept',
      ...(typeof device === 'string' && { device }),
      chains: table.chains,
    },
  ];
}

type Listing = {
  readonly rules: ReadonlyMap<string, string>;
  readonly dormant: ReadonlySet<string>;
  readonly devices: ReadonlyMap<string, string>;
};

function readListing(listing: string): Listing {
  const rules = new Map<string, string>();
  const dormant = new Set<string>();
  const devices = new Map<string, string>();
  let table = '';
  let chain = '';
  for (const line of listing.split('\n')) {
    const head = /^table (\S+ \S+) \{/.exec(line);
    if (head?.[1] !== undefined) table = head[1];
    chain = /^\tchain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/^\tflags .*dormant/.test(line)) dormant.add(table);
    const device = /hook ingress devices? =? ?\{? ?"?([^"\s]+)"?/.exec(line)?.[1];
    if (device !== undefined) devices.set(`${table} ${chain}`, device);
    const rule = /^\t\t(.+?) # handle (\d+)$/.exec(line);
    if (rule !== null) rules.set(`${table} ${rule[2] ?? ''}`, plain(rule[1] ?? ''));
  }
  return { rules, dormant, devices };
}

const plain = (text: string): string =>
  text.replaceAll(/counter packets \d+ bytes \d+ ?/g, '').trim();

/** Collects what rules tell apart, so that packets of every kind can be tried. */
function tell(
  expressions: readonly unknown[],
  sets: NftSets,
  { told, text }: { told: Told; text: string },
): void {
  const ports: number[] = [];
  let protocol: number | undefined;
  for (const expression of expressions) {
    const inside = isRecord(expression) ? (expression['match'] ?? expression['vmap']) : undefined;
    if (!isRecord(inside)) continue;
    const left = inside['left'] ?? inside['key'];
    const parts: readonly unknown[] =
      isRecord(left) && Array.isArray(left['concat']) ? left['concat'] : [left];
    const values = valuesOf(inside['right'] ?? inside['data'], sets, 'vmap' in Object(expression));
    for (const [at, part] of parts.entries()) {
      const field = fieldIfKnown(part);
      if (field?.means === undefined) continue;
      for (const value of values) {
        const own = isRecord(value) && Array.isArray(value['concat']) ? value['concat'][at] : value;
        collect(field, own, { told, ports });
      }
    }
    protocol ??= protocolOf(left, values);
  }
  const dnat = expressions
    .map((each) => (isRecord(each) ? each['dnat'] : undefined))
    .find(isRecord);
  if (dnat === undefined || typeof dnat['addr'] !== 'string') return;
  told.forwardings.push({
    protocol,
    ports,
    to: {
      address: hexAddress(dnat['addr']),
      port: typeof dnat['port'] === 'number' ? dnat['port'] : undefined,
    },
    text,
  });
}

function valuesOf(right: unknown, sets: NftSets, map: boolean): readonly unknown[] {
  try {
    const elements = elementsOf(right, sets);
    return elements.map((each) => elementValue(map && Array.isArray(each) ? each[0] : each));
  } catch {
    return [];
  }
}

function fieldIfKnown(part: unknown): Field | undefined {
  try {
    return fieldOf(part);
  } catch {
    return undefined;
  }
}

function protocolOf(left: unknown, values: readonly unknown[]): number | undefined {
  const payload = isRecord(left) ? left['payload'] : undefined;
  const own = isRecord(payload) ? PROTOCOLS[String(payload['protocol'])] : undefined;
  const meta = isRecord(left) && isRecord(left['meta']) && left['meta']['key'] === 'l4proto';
  return own ?? (meta && values.length === 1 ? PROTOCOLS[String(values[0])] : undefined);
}

function collect(
  field: Field,
  value: unknown,
  { told, ports }: { told: Told; ports: number[] },
): void {
  try {
    const bounded = isRecord(value) && ('prefix' in value || 'range' in value);
    if (field.means === 'source') {
      const { low, high } = bounded ? boundsOf(field, value) : addressRange(String(value));
      told.sources.push({ low: String(low), high: String(high) });
      return;
    }
    const ends = bounded ? Object.values(boundsOf(field, value)).map(Number) : [Number(value)];
    const usable = ends.filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
    (field.means === 'port' ? ports : told.sourcePorts).push(...usable);
  } catch {
    // Not a constant: there is nothing to try.
  }
}

/** `ip nat`, `inet portcullis`, …, in the order of their making. */
export function nftTables(json: string): readonly string[] {
  const parsed: unknown = JSON.parse(json);
  const items: readonly unknown[] =
    isRecord(parsed) && Array.isArray(parsed['nftables']) ? parsed['nftables'] : [];
  return items.flatMap((item) => {
    const table = isRecord(item) ? item['table'] : undefined;
    return isRecord(table) ? [`${String(table['family'])} ${String(table['name'])}`] : [];
  });
}
