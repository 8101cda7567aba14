import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { shownValue } from '../core/problem-text.ts';
import { PortcullisError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the Docker API listens; `url` is for people. */
export type DockerTarget =
  | { readonly kind: 'unix'; readonly url: string; readonly socketPath: string }
  | {
      readonly kind: 'tcp';
      readonly url: string;
      /** A name or an address; IPv6 in brackets. */
      readonly host: string;
      readonly port: number;
      readonly tls: TlsFiles | undefined;
    };

export type TlsFiles = {
  readonly ca: Buffer;
  /** The client's own; the engine may not ask for it. */
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
};

const DEFAULT_SOCKET = '/var/run/docker.sock';
const SSH_ADVICE =
  '; for SSH open a tunnel, as "ssh -nNTL /run/far.sock:/var/run/docker.sock HOST", and give unix:///run/far.sock';
const ADDRESS = /^(?:(tcp|http|https):\/\/)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/;

/**
 * Finds the Docker API as the docker command does: `url`, else `DOCKER_HOST`, else the Docker socket;
 * with `DOCKER_TLS_VERIFY` over TLS, with the files in `DOCKER_CERT_PATH` or `~/.docker`.
 *
 * @throws {PortcullisError} `bad-setting` for an address or a certificate that cannot be used
 */
export function dockerTarget(url: string | undefined, env: Environment): DockerTarget {
  const text = url || env['DOCKER_HOST'] || `unix://${DEFAULT_SOCKET}`;
  if (/^(?:unix:\/\/|\/)/.test(text)) {
    const socketPath = text.replace(/^unix:\/\//, '') || DEFAULT_SOCKET;
    return { kind: 'unix', url: `unix://${socketPath}`, socketPath };
  }
  const [matched, scheme = 'tcp', host = '', written] = ADDRESS.exec(text) ?? [];
  const isPort = written === undefined || (Number(written) >= 1 && Number(written) <= 65_535);
  if (matched === undefined || !isPort) {
    throw new PortcullisError(
      'bad-setting',
      `${url ? 'the Docker address' : 'DOCKER_HOST'} must be like unix://${DEFAULT_SOCKET} or tcp://192.0.2.1:2375, got ${shownValue(text.replace(/:[^@/]+@/, ':***@'))}${text.startsWith('ssh:') ? SSH_ADVICE : ''}`,
    );
  }
  const tls = scheme === 'https' || Boolean(env['DOCKER_TLS_VERIFY']);
  const port = Number(written ?? (tls ? 2376 : 2375));
  return {
    kind: 'tcp',
    url: `${scheme}://${host}:${port}`,
    host,
    port,
    tls: tls ? readTlsFiles(env) : undefined,
  };
}

function readTlsFiles(env: Environment): TlsFiles {
  const folder = env['DOCKER_CERT_PATH'] || join(env['HOME'] || homedir(), '.docker');
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw new PortcullisError('bad-setting', `cannot read ${join(folder, name)}`, { cause });
    }
  };
  const ca = read('ca.pem');
  const cert = read('cert.pem');
  const key = read('key.pem');
  if (!ca) {
    throw new PortcullisError(
      'bad-setting',
      `DOCKER_TLS_VERIFY needs ${join(folder, 'ca.pem')}; set DOCKER_CERT_PATH to the folder that holds it`,
    );
  }
  if (Boolean(cert) !== Boolean(key)) {
    throw new PortcullisError(
      'bad-setting',
      `${folder} must hold both cert.pem and key.pem, or neither`,
    );
  }
  return { ca, cert, key };
}
