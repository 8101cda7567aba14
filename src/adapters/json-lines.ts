/** Splits a stream of JSON values, one a line, however its chunks fall. @throws {SyntaxError} on a line that is no JSON */
export async function* readLines(
  stream: AsyncIterable<unknown> | NodeJS.ReadableStream,
): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += chunk instanceof Uint8Array ? decoder.decode(chunk, { stream: true }) : String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
  }
  if (rest.trim() !== '') yield JSON.parse(rest);
}
