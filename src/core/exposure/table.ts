import { printable, shownName } from '../problem-text.ts';
import type { Disagreement, Finding } from './exposure.ts';
import type { HostFinding } from './host-findings.ts';
import type { NmapDifference } from './nmap.ts';

const WIDTH = 80;

export type Paint = (colour: 'red' | 'green' | 'yellow' | 'bold', text: string) => string;
const PLAIN: Paint = (_colour, text) => text;

/** What `audit` prints besides findings; each part may be left out. */
export type AuditResult = {
  readonly findings: readonly Finding[];
  readonly disagreements?: readonly Disagreement[];
  readonly host_findings?: readonly HostFinding[];
  readonly nmap_command?: readonly string[];
  readonly nmap?: readonly NmapDifference[];
  readonly notes?: readonly string[];
};

const COLOURS: Readonly<Record<string, Parameters<Paint>[0]>> = {
  open: 'red',
  unclear: 'yellow',
  unguardable: 'yellow',
  public: 'bold',
  closed: 'green',
};

/** A verdict in one line, a row a finding, then the ways to close what is open. */
export function auditTable(
  {
    findings,
    disagreements = [],
    host_findings = [],
    nmap_command = [],
    nmap,
    notes = [],
  }: AuditResult,
  paint: Paint = PLAIN,
): readonly string[] {
  const rows = findings.map(({ container, port, protocol, path, verdict, proven, certain }) => [
    clipped(shownName(container), 22),
    `${port}/${protocol}`,
    path,
    certain ? verdict : 'unclear',
    proven ? 'by a packet' : 'no',
  ]);
  const all = [['CONTAINER', 'PORT', 'PATH', 'VERDICT', 'PROVEN'], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const painted = (cell: string, at: number): string => {
    const padded = cell.padEnd(widths[at] ?? 0);
    const colour = at === 3 ? COLOURS[cell] : undefined;
    return colour === undefined ? padded : paint(colour, padded);
  };
  const lines = all.map((row) => row.map(painted).join('  ').trimEnd());
  const bad = findings.some(({ verdict }) => verdict === 'open');
  const paragraphs = [
    ...remedies(findings),
    ...disagreements.map(disagreementText),
    ...host_findings
      .filter(({ verdict }) => verdict !== 'closed')
      .map(
        ({ what, name, reason, fix }) => `${what} ${name}: ${reason}. Fix: ${fix ?? 'none known'}`,
      ),
    ...(nmap === undefined ? [] : nmapLines(nmap)),
    ...notes,
  ].flatMap((text) => ['', ...wrapped(text)]);
  return [
    paint(bad ? 'red' : 'green', headline(findings)),
    '',
    ...(findings.length > 0 ? lines : []),
    ...paragraphs,
    ...(nmap_command.length > 0
      ? [
          '',
          'From another machine, to compare with --compare-nmap:',
          ...nmap_command.flatMap(commandLines),
        ]
      : []),
  ];
}

/** A command that a shell takes as it stands, over several lines where it is long. */
const commandLines = (command: string): readonly string[] => {
  const lines = wrapped(command, WIDTH - 4);
  return lines.map((line, at) => `  ${line}${at < lines.length - 1 ? ' \\' : ''}`);
};

const nmapLines = (differences: readonly NmapDifference[]): readonly string[] =>
  differences.length === 0
    ? ['nmap found the same.']
    : differences.map(
        ({ address, port, protocol, nmap, audit }) =>
          `nmap differs at ${address} ${port}/${protocol}: it says ${nmap}, this audit ${audit}.`,
      );

export function headline(findings: readonly Finding[]): string {
  const open = findings.filter(({ verdict }) => verdict === 'open');
  if (findings.length === 0) return 'no running container has a port that is known';
  const apart = findings.filter(({ verdict }) => verdict === 'unguardable').length;
  const tail = apart === 0 ? '' : `, ${apart} cannot be guarded`;
  if (open.length === 0)
    return `nothing is open that should not be (${findings.length} paths)${tail}`;
  const shown = open.filter(({ proven }) => proven).length;
  return `${open.length} of ${findings.length} paths are open, ${shown} shown by packets${tail}`;
}

const disagreementText = ({ container, port, protocol, path, said, met }: Disagreement): string =>
  `Rules and packets disagree: by the rules a packet to ${shownName(container)} ${port}/${protocol} (${path}) ${said}, and the one sent was ${met === 'connected' ? 'answered' : 'met with silence'}. Trust the packet, and please report the ruleset.`;

function remedies(findings: readonly Finding[]): readonly string[] {
  const ports = new Map<string, Set<string>>();
  for (const { container, port, protocol, verdict, reason, fix } of findings) {
    if (verdict !== 'open') continue;
    const key = `${reason}. Fix: ${fix ?? 'none known'}`;
    ports.set(
      key,
      (ports.get(key) ?? new Set()).add(`${shownName(container)} ${port}/${protocol}`),
    );
  }
  return [...ports].map(([what, where]) => `${[...where].join(', ')}: ${what}`);
}

const clipped = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

/** Lines of at most `width` columns, those after the first indented; nothing in them that a terminal obeys. */
export function wrapped(text: string, width = WIDTH, indent = '  '): readonly string[] {
  const lines: string[] = [];
  for (const word of printable(text).split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(lines.length === 0 ? word : `${indent}${word}`);
  }
  return lines;
}
