import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerOptions } from 'dockerode';
import { PortcullisError } from '../errors.ts';

const DEFAULT = 'unix:///var/run/docker.sock';

export type DockerTarget = { readonly url: string; readonly options: DockerOptions };

/**
 * Where the Docker API is, read as the docker command reads it: `url`, then DOCKER_HOST, then the
 * socket; DOCKER_TLS_VERIFY and DOCKER_CERT_PATH for tcp.
 *
 * @throws {PortcullisError} `bad-setting` for a URL of another kind
 */
export async function dockerTarget(
  url: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DockerTarget> {
  const given = url ?? (env['DOCKER_HOST'] || DEFAULT);
  const origin = url === undefined ? 'DOCKER_HOST' : '--docker';
  const socket = /^(?:unix:\/\/)?(\/.+)$/.exec(given)?.[1];
  if (socket !== undefined) return { url: given, options: { socketPath: socket } };
  const match = /^(tcp|http|https|ssh):\/\/(?:([^@/]+)@)?([^:/]+|\[[^\]]+\])(?::(\d+))?\/?$/.exec(
    given,
  );
  if (!match) {
    throw new PortcullisError(
      'bad-setting',
      `${origin} must be unix:///path, tcp://host:port or ssh://user@host, got ${JSON.stringify(given)}`,
    );
  }
  const [, scheme, username, host = '', portText] = match;
  if (scheme === 'ssh') {
    const port = Number(portText ?? 22);
    const user = username === undefined ? {} : { username };
    return { url: given, options: { protocol: 'ssh', host, port, ...user } };
  }
  const secure = scheme === 'https' || (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const port = Number(portText ?? (secure ? 2376 : 2375));
  if (!secure) return { url: given, options: { protocol: 'http', host, port } };
  const folder = env['DOCKER_CERT_PATH'] ?? join(env['HOME'] ?? '/root', '.docker');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readCertificate(join(folder, name))),
  );
  return { url: given, options: { protocol: 'https', host, port, ca, cert, key } };
}

async function readCertificate(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PortcullisError(
      'bad-setting',
      `cannot read ${path}: DOCKER_CERT_PATH must name the folder of ca.pem, cert.pem and key.pem`,
      { cause },
    );
  }
}
