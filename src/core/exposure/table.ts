import { shownName } from '../problem-text.ts';
import type { Disagreement, Finding } from './exposure.ts';

const WIDTH = 80;

/** A verdict in one line, a row a finding, then the ways to close what is open. */
export function auditTable(
  findings: readonly Finding[],
  disagreements: readonly Disagreement[] = [],
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
  const lines = all.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    headline(findings),
    '',
    ...(findings.length > 0 ? lines : []),
    ...remedies(findings),
    ...disagreements.flatMap((each) => ['', ...wrapped(disagreementText(each))]),
  ];
}

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
  return [...ports].flatMap(([what, where]) => [
    '',
    ...wrapped(`${[...where].join(', ')}: ${what}`),
  ]);
}

const clipped = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

export function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(lines.length === 0 ? word : `  ${word}`);
  }
  return lines;
}
