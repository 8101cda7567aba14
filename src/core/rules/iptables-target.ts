/** The target of an iptables rule -> the step that ends it. */
import { hexAddress } from './address-range.ts';
import type { ParsedRule, RuleOption } from './iptables-words.ts';
import { rewritten, untrack } from './nft-statements.ts';
import type { Packet } from './packet.ts';
import type { Change, Step } from './rule-model.ts';
import { Unjudged } from './unjudged.ts';

/** They change nothing that a verdict hangs on. */
const GO_ON: ReadonlySet<string> = new Set([
  ...[
    '',
    'LOG',
    'NFLOG',
    'ULOG',
    'TRACE',
    'AUDIT',
    'CLASSIFY',
    'DSCP',
    'TOS',
    'TTL',
    'HL',
    'CHECKSUM',
  ],
  ...['TCPMSS', 'SECMARK', 'CONNSECMARK', 'IDLETIMER', 'LED', 'RATEEST', 'SET', 'TEE', 'ECN'],
  ...['TCPOPTSTRIP', 'ACCOUNT'],
]);

export function targetSteps(
  { name, goto, options }: ParsedRule['target'],
  isChain: (name: string) => boolean,
): readonly Step[] {
  try {
    if (isChain(name)) {
      return [{ kind: 'verdict', pick: () => ({ kind: goto ? 'goto' : 'jump', chain: name }) }];
    }
    return builtIn(name, options);
  } catch (error) {
    if (error instanceof Unjudged || error instanceof RangeError) {
      return [{ kind: 'verdict', pick: () => 'unknown' }];
    }
    throw error;
  }
}

function builtIn(name: string, options: readonly RuleOption[]): readonly Step[] {
  if (GO_ON.has(name)) return [];
  const value = (option: string): string | undefined =>
    options.find((each) => each.name === option)?.values[0];
  switch (name) {
    case 'ACCEPT':
    case 'MASQUERADE':
    case 'SNAT':
      return [{ kind: 'verdict', pick: () => ({ kind: 'accept' }) }];
    case 'DROP':
      return [{ kind: 'verdict', pick: () => ({ kind: 'drop' }) }];
    case 'REJECT':
      return [{ kind: 'verdict', pick: () => ({ kind: 'reject' }) }];
    case 'RETURN':
      return [{ kind: 'verdict', pick: () => ({ kind: 'return' }) }];
    case 'DNAT':
      return [{ kind: 'dnat', change: dnat(dnatTarget(value('--to-destination') ?? '')) }];
    case 'REDIRECT':
      return [{ kind: 'dnat', change: redirect(value('--to-ports')) }];
    case 'NOTRACK':
      return [{ kind: 'change', change: untrack }];
    case 'CT':
      if (options.some((option) => option.name === '--notrack')) {
        return [{ kind: 'change', change: untrack }];
      }
      if (options.some((option) => option.name.startsWith('--zone'))) throw new Unjudged(name);
      return [];
    case 'MARK':
      return [{ kind: 'change', change: setMark('mark', value('--set-xmark')) }];
    case 'CONNMARK':
      return [{ kind: 'change', change: connmark(options) }];
    default:
      throw new Unjudged(name);
  }
}

export type DnatTarget = { readonly address?: string; readonly port?: number };

/** `10.0.0.1:80`, `[fd00::1]:80`, `:80`, `10.0.0.1`. @throws {Unjudged} on a range */
export function dnatTarget(text: string): DnatTarget {
  const parts = /^(?:\[([^\]]+)\]|([\d.]+)|([0-9a-f:]*:[0-9a-f:]*:[0-9a-f.:]*))?(?::(\d+))?$/i.exec(
    text,
  );
  if (parts === null || text === '') throw new Unjudged(text);
  const address = parts[1] ?? parts[2] ?? parts[3];
  return {
    ...(address !== undefined && { address: hexAddress(address) }),
    ...(parts[4] !== undefined && { port: Number(parts[4]) }),
  };
}

const dnat =
  (target: DnatTarget): Change =>
  (packet) =>
    rewritten(packet, target);

function redirect(ports: string | undefined): Change {
  if (ports !== undefined && !/^\d+$/.test(ports)) throw new Unjudged(ports);
  return (packet, host) => {
    const address = host.firstAddress(packet.iif, packet.family);
    if (address === undefined) return 'unknown';
    return rewritten(packet, { address, ...(ports !== undefined && { port: Number(ports) }) });
  };
}

function setMark(field: 'mark' | 'ctMark', text: string | undefined): Change {
  const [value = '', mask = '0xffffffff'] = (text ?? '').split('/');
  const [bits, cleared] = [Number(value), Number(mask)];
  if (text === undefined || Number.isNaN(bits) || Number.isNaN(cleared)) throw new Unjudged('mark');
  return (packet) => ({ ...packet, [field]: (((packet[field] & ~cleared) >>> 0) ^ bits) >>> 0 });
}

function connmark(options: readonly RuleOption[]): Change {
  const option = (name: string): RuleOption | undefined =>
    options.find((each) => each.name === name);
  const set = option('--set-xmark');
  if (set !== undefined) return setMark('ctMark', set.values[0]);
  const mask = (name: string): number => Number(option(name)?.values[0] ?? 0xffffffff);
  const [nfmask, ctmask] = [mask('--nfmask'), mask('--ctmask')];
  const mixed = (into: number, cleared: number, from: number, taken: number): number =>
    (((into & ~cleared) >>> 0) ^ ((from & taken) >>> 0)) >>> 0;
  if (option('--save-mark') !== undefined) {
    return (packet): Packet => ({
      ...packet,
      ctMark: mixed(packet.ctMark, ctmask, packet.mark, nfmask),
    });
  }
  if (option('--restore-mark') !== undefined) {
    return (packet): Packet => ({
      ...packet,
      mark: mixed(packet.mark, nfmask, packet.ctMark, ctmask),
    });
  }
  throw new Unjudged('CONNMARK');
}
