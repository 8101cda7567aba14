/** Reads the tar archives that Docker makes: POSIX headers, with PAX or GNU records for long names. */

export type TarEntry = {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a symbolic link, as written. */
  readonly target: string;
  readonly content: Buffer;
};

const BLOCK = 512;
const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '': 'file',
  '5': 'folder',
  '2': 'link',
};

/** @throws {RangeError} on an archive that breaks off, so that a half never counts as a whole */
export function readTar(archive: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let long: { path?: string; target?: string } = {};
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header[0] === 0) return entries;
    const size = octal(header, 124, 12);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new RangeError('the archive breaks off');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = text(header, 156, 1);
    if (type === 'x') long = { ...long, ...paxRecords(content) };
    else if (type === 'L') long = { ...long, path: text(content, 0, size) };
    else if (type === 'K') long = { ...long, target: text(content, 0, size) };
    else if (type !== 'g') {
      const prefix = text(header, 345, 155);
      const short = text(header, 0, 100);
      entries.push({
        path: (long.path ?? (prefix === '' ? short : `${prefix}/${short}`)).replace(/\/$/, ''),
        kind: KINDS[type] ?? 'other',
        mode: octal(header, 100, 8) & 0o777,
        mtime: octal(header, 136, 12),
        target: long.target ?? text(header, 157, 100),
        content,
      });
      long = {};
    }
  }
  throw new RangeError('the archive breaks off'); // blocks of zeros end a whole one
}

/** Records `<length> <key>=<value>\n`, the length counting itself. */
function paxRecords(content: Buffer): { path?: string; target?: string } {
  const records: { path?: string; target?: string } = {};
  for (let at = 0; at < content.length;) {
    const length = Number.parseInt(content.toString('latin1', at, at + 12), 10);
    if (!(length > 0)) break;
    const [, key, value = ''] =
      /^\d+ ([^=]+)=([^]*)\n$/.exec(content.toString('utf8', at, at + length)) ?? [];
    if (key === 'path') records.path = value;
    if (key === 'linkpath') records.target = value;
    at += length;
  }
  return records;
}

function text(from: Buffer, start: number, length: number): string {
  const field = from.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

const octal = (from: Buffer, start: number, length: number): number =>
  Number.parseInt(text(from, start, length).trim(), 8) || 0;
