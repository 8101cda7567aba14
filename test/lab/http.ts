import type { Namespace } from './place.ts';

export type Answer = {
  /** 0: the connection was closed or refused without an answer. */
  readonly status: number;
  readonly headers: string;
  readonly body: string;
};

/** One request by curl from inside a namespace. */
export async function get(
  from: Namespace,
  url: string,
  {
    host,
    headers = [],
    args = [],
  }: { host?: string; headers?: readonly string[]; args?: readonly string[] } = {},
): Promise<Answer> {
  const all = [...(host === undefined ? [] : [`Host: ${host}`]), ...headers];
  const { stdout } = await from.run([
    'curl',
    '-s',
    '-i',
    '--noproxy',
    '*',
    '--max-time',
    '5',
    ...all.flatMap((header) => ['-H', header]),
    ...args,
    url,
  ]);
  // A CGI script of a container ends its headers with bare line feeds.
  const end = /\r?\n\r?\n/.exec(stdout);
  const head = stdout.slice(0, end?.index);
  return {
    status: Number(/^HTTP\/[\d.]+ (\d+)/.exec(head)?.[1] ?? 0),
    headers: head,
    body: end ? stdout.slice(end.index + end[0].length) : '',
  };
}
