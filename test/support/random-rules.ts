/** Rulesets as strangers write them: allowed by the kernel, and without sense. */
import type { Random } from './random.ts';

type Family = 'v4' | 'v6';

const SOURCES: Readonly<Record<Family, readonly [string, ...string[]]>> = {
  v4: ['198.51.100.10/32', '198.51.100.0/24', '203.0.113.0/24', '198.51.100.66/32', '10.0.0.0/8'],
  v6: ['2001:db8:1::10/128', '2001:db8:1::/64', 'fd00:17::/64', '2001:db8:1::66/128'],
};
const TARGETS: Readonly<Record<Family, readonly [string, ...string[]]>> = {
  v4: ['198.51.100.1/32', '172.17.0.3/32', '172.17.0.0/16', '203.0.113.1/32', '127.0.0.0/8'],
  v6: ['2001:db8:1::1/128', 'fd00:17::3/128', 'fd00:17::/64'],
};
const PORTS = ['80', '81', '22', '8080', '8443', '9000', '5353', '53', '1234'] as const;
const MANY = ['80,443', '8080,8443,9000', '22,80:90', '1000:9000', '53,5353'] as const;

/** One rule of iptables without its `-A CHAIN`; user chains are FOO and BAR. */
function iptablesRule(
  random: Random,
  {
    family,
    table,
    chain,
    jumps,
  }: { family: Family; table: string; chain: string; jumps: readonly string[] },
): string {
  const { chance, pick } = random;
  const not = (): string => (chance(0.2) ? '! ' : '');
  const words: string[] = [];
  const dnats = table === 'nat';
  const protocol = chance(0.6) || dnats ? pick(['tcp', 'tcp', 'udp']) : '';
  if (chance(0.3)) words.push(`${not()}-s ${pick(SOURCES[family])}`);
  if (chance(0.25)) words.push(`${not()}-d ${pick(TARGETS[family])}`);
  if (chance(0.3) && chain !== 'OUTPUT' && chain !== 'POSTROUTING') {
    words.push(`${not()}-i ${pick(['eth0', 'wg0', 'eth+', 'docker0', 'lo'])}`);
  }
  if (chance(0.3) && ['FORWARD', 'DOCKER-USER'].includes(chain)) {
    words.push(`${not()}-o ${pick(['docker0', 'eth0', 'wg0'])}`);
  }
  if (protocol !== '') words.push(`-p ${protocol}`);
  if (protocol !== '' && chance(0.6)) {
    words.push(
      chance(0.5)
        ? `-m ${protocol} ${not()}--dport ${pick(PORTS)}`
        : `-m multiport ${not()}--dports ${pick(MANY)}`,
    );
  }
  if (protocol === 'tcp' && chance(0.1)) words.push(`-m tcp ${not()}--tcp-flags SYN,ACK SYN`);
  if (chance(0.25)) {
    words.push(
      `-m conntrack ${not()}--ctstate ${pick(['NEW', 'RELATED,ESTABLISHED', 'INVALID', 'DNAT', 'NEW,UNTRACKED'])}`,
    );
  }
  if (chance(0.1)) words.push(`-m conntrack --ctdir ${pick(['ORIGINAL', 'REPLY'])}`);
  if (protocol !== '' && chance(0.1)) {
    words.push(`-m conntrack ${not()}--ctorigdstport ${pick(PORTS)}`);
  }
  if (chance(0.15)) {
    words.push(
      `-m addrtype ${not()}--${pick(['src', 'dst'])}-type ${pick(family === 'v4' ? ['LOCAL', 'UNICAST', 'BROADCAST'] : ['LOCAL', 'UNICAST'])}`,
    );
  }
  if (chance(0.15)) words.push(`-m mark ${not()}--mark 0x${pick(['1', '2'])}/0x3`);
  if (chance(0.1) && family === 'v4') {
    words.push('-m iprange --src-range 198.51.100.5-198.51.100.20');
  }
  if (chance(0.1)) words.push('-m comment --comment "no -j ACCEPT here"');
  if (chance(0.03)) words.push('-m limit --limit 5/sec');
  words.push(`-j ${iptablesTarget(random, { family, table, jumps })}`);
  return words.join(' ');
}

function iptablesTarget(
  { chance, pick }: Random,
  { family, table, jumps }: { family: Family; table: string; jumps: readonly string[] },
): string {
  const [first, ...others] = jumps;
  if (first !== undefined && chance(0.2)) return pick([first, ...others]);
  if (table === 'nat' && chance(0.7)) {
    if (chance(0.3)) return `REDIRECT --to-ports ${pick(['22', '9000'])}`;
    const to = pick(['2:80', '3:80', '3:81']);
    return family === 'v4'
      ? `DNAT --to-destination 172.17.0.${to}`
      : `DNAT --to-destination [fd00:17::${to.replace(':', ']:')}`;
  }
  if (table === 'raw' && chance(0.2)) return 'CT --notrack';
  if (table === 'mangle' && chance(0.4)) return `MARK --set-xmark 0x${pick(['1', '2', '3'])}/0x3`;
  if (table === 'filter' && chance(0.1)) return 'REJECT';
  if (table === 'nat') return pick(['ACCEPT', 'RETURN']);
  return pick(['ACCEPT', 'ACCEPT', 'DROP', 'DROP', 'RETURN', 'LOG']);
}

const CHAINS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  raw: ['PREROUTING', 'PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING', 'OUTPUT'],
  nat: ['PREROUTING'],
  filter: ['INPUT', 'FORWARD', 'DOCKER-USER', 'OUTPUT'],
};

/** Lines to add to a table: `:FOO - [0:0]` and rules at random places. `before` stand ahead of others. */
export function randomTable(
  random: Random,
  family: Family,
  table: string,
): {
  readonly chains: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
} {
  const { chance, pick } = random;
  const before: string[] = [];
  const after: string[] = [];
  const count = Math.floor(random.next() * 5);
  const chains = CHAINS[table] ?? ['FORWARD'];
  for (let each = 0; each < count; each++) {
    const chain = chance(0.25) ? pick(['FOO', 'BAR']) : pick(chains);
    const jumps = chain === 'BAR' ? [] : chain === 'FOO' ? ['BAR'] : ['FOO', 'BAR'];
    const hooked = chain === 'FOO' || chain === 'BAR' ? 'FOO' : chain;
    const rule = `-A ${chain} ${iptablesRule(random, { family, table, chain: hooked, jumps })}`;
    (chance(0.6) ? before : after).push(rule);
  }
  return { chains: [':FOO - [0:0]', ':BAR - [0:0]'], before, after };
}

/** A table of nft's own, for `nft -f`. */
export function randomNftTable(random: Random, name: string): string {
  const { chance, pick } = random;
  const hook = pick([
    'prerouting',
    'prerouting',
    'input',
    'forward',
    'forward',
    'output',
    'postrouting',
  ]);
  const priority = pick(['-350', '-310', '-250', '-150', '-50', '5', '50']);
  const rules = Array.from({ length: 1 + Math.floor(random.next() * 4) }, () =>
    nftRule(random, hook),
  );
  const nat = chance(0.25)
    ? [
        'chain nat {',
        `type nat hook prerouting priority ${pick(['-110', '-90'])}; policy accept;`,
        `${pick(['iifname "eth0"', 'ip saddr 198.51.100.0/24', 'ip daddr != 172.17.0.0/16', 'fib daddr type local'])} tcp dport { 8080, 9999, 1000-1100 } dnat ip to 172.17.0.${pick(['2:80', '3:81'])}`,
        `tcp dport ${pick(PORTS)} ${pick(['redirect to :9000', 'dnat ip6 to [fd00:17::3]:81', 'accept'])}`,
        '}',
      ]
    : [];
  return [
    `table inet ${name} {`,
    'set friends {',
    'type ipv4_addr; flags interval; elements = { 198.51.100.0/28, 10.0.0.0/8 }',
    '}',
    'set doors {',
    'type inet_proto . inet_service; elements = { tcp . 80, tcp . 8080, udp . 5353 }',
    '}',
    'map fate {',
    `type inet_service : verdict; elements = { 80 : ${pick(['accept', 'drop'])}, 8443 : drop, 9000 : ${pick(['accept', 'drop'])} }`,
    '}',
    'chain side {',
    `${nftMatches(random, hook)} ${pick(['accept', 'drop', 'return'])}`,
    '}',
    'chain base {',
    `type filter hook ${hook} priority ${priority}; policy ${chance(0.15) ? 'drop' : 'accept'};`,
    ...(chance(0.5) ? ['ct state established,related accept'] : []),
    ...rules,
    '}',
    ...nat,
    '}',
    '',
  ].join('\n');
}

function nftRule(random: Random, hook: string): string {
  const { chance, pick } = random;
  if (chance(0.1)) return `${nftMatches(random, hook)} meta mark set ${pick(['1', '2'])}`;
  if (chance(0.1)) return 'tcp dport vmap @fate';
  const verdict = pick(['accept', 'accept', 'drop', 'drop', 'jump side', 'goto side', 'counter']);
  return `${nftMatches(random, hook)} ${chance(0.2) ? 'counter ' : ''}${verdict}`;
}

function nftMatches(random: Random, hook: string): string {
  const { chance, pick } = random;
  const incoming = hook !== 'output' && hook !== 'postrouting';
  const outgoing = hook !== 'prerouting' && hook !== 'input';
  const matches: readonly [string, ...string[]] = [
    'ip saddr 198.51.100.0/24',
    'ip saddr != { 198.51.100.10, 203.0.113.0/24 }',
    'ip saddr @friends',
    'ip6 saddr 2001:db8:1::/64',
    'ip daddr 172.17.0.0/16',
    'ip6 daddr fd00:17::3',
    'tcp dport { 80, 8080, 9000-9100 }',
    'tcp dport != 22',
    'tcp dport > 1024',
    'th dport 53',
    'meta l4proto { tcp, udp }',
    'meta l4proto . th dport @doors',
    'meta nfproto ipv4',
    'ct state new',
    'ct state != established',
    'ct state vmap { invalid : drop, established : accept }',
    'ct direction original',
    'ct direction reply',
    'ct status dnat',
    'meta l4proto tcp ct original proto-dst 8080',
    'meta mark 1',
    'meta mark & 0x2 == 0x2',
    'tcp flags & (syn|ack) == syn',
    'ip saddr . tcp dport { 198.51.100.10 . 8080, 198.51.100.66 . 80 }',
    ...(incoming
      ? ['iifname "eth0"', 'iifname "eth*"', 'iifname { "wg0", "docker0" }', 'iifname != "lo"']
      : []),
    ...(outgoing ? ['oifname "docker0"', 'oifname != "eth0"'] : []),
    ...(hook === 'prerouting' ? ['fib daddr type local', 'fib saddr . iif oif missing'] : []),
  ];
  const [first, second] = [pick(matches), pick(matches)];
  return chance(0.5) || conflict(first, second) ? first : `${first} ${second}`;
}

/** nft refuses a rule that no packet can match. */
function conflict(a: string, b: string): boolean {
  const of = (text: string, pattern: RegExp): boolean => pattern.test(text);
  const [v4, v6] = [/^(ip |meta nfproto ipv4)/, /^ip6 /];
  const [some, tcp] = [/^meta l4proto \{/, /tcp/];
  return (
    (of(a, some) && of(b, tcp)) ||
    (of(b, some) && of(a, tcp)) ||
    (of(a, v4) && of(b, v6)) ||
    (of(a, v6) && of(b, v4)) ||
    a === b
  );
}
