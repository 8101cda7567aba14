/** A bar on a terminal, gone when it is full; nothing elsewhere. */
export function createProgress(
  stream: NodeJS.WriteStream,
  what: string,
): (count: number, of: number) => void {
  let shown = '';
  return (count, of) => {
    if (!stream.isTTY) return;
    const text = `${count} of ${of} ${what}`;
    const width = Math.max(0, Math.min(40, (stream.columns || 80) - text.length - 4));
    const full = of === 0 ? width : Math.floor((count / of) * width);
    const line = `[${'='.repeat(full)}${' '.repeat(width - full)}] ${text}`;
    if (line === shown) return;
    shown = line;
    stream.write(count >= of ? '\r\u001b[K' : `\r${line}`);
  };
}
