import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  nodeOfSubjectText,
  withoutPemHeaders,
  type NodeCertificate,
} from '../core/swarm/node-certificate.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';

/** What a node of a Swarm proves itself with: the certificate that the Swarm gave it, and renews. */
export type SwarmIdentity = NodeCertificate & {
  /** PEM */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
};

const TRIES = 20;
const RETRY_MS = 100;

/**
 * Reads a node's certificate, key and authority from Docker's folder. The engine renews certificate
 * and key one after the other: two that do not fit are read again.
 *
 * @throws {PortcullisError} `swarm-unavailable`
 */
export async function readSwarmIdentity(folder: string): Promise<SwarmIdentity> {
  for (let left = TRIES; ; left--) {
    const [cert, key, ca] = await Promise.all(
      ['swarm-node.crt', 'swarm-node.key', 'swarm-root-ca.crt'].map((name) =>
        readText(join(folder, name)),
      ),
    );
    const identity = identityOf({ cert: cert ?? '', key: key ?? '', ca: ca ?? '' }, folder);
    if (identity) return identity;
    if (left <= 1) {
      throw unusable(folder, 'swarm-node.crt and swarm-node.key are of two pairs');
    }
    await delay(RETRY_MS);
  }
}

/** Undefined where the two halves do not fit. */
function identityOf(
  { cert, key, ca }: Pick<SwarmIdentity, 'cert' | 'key' | 'ca'>,
  folder: string,
): SwarmIdentity | undefined {
  if (key.includes('BEGIN ENCRYPTED PRIVATE KEY')) {
    throw unusable(
      folder,
      'swarm-node.key is encrypted, because the Swarm locks its managers; "docker swarm update --autolock=false" ends that',
    );
  }
  try {
    const plain = withoutPemHeaders(key);
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(plain))) return undefined;
    const node = nodeOfSubjectText(certificate.subject);
    if (node) return { ...node, cert, key: plain, ca };
  } catch {
    return undefined; // one of them was just being written
  }
  throw unusable(folder, 'swarm-node.crt is not the certificate of a node');
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PortcullisError(
      'swarm-unavailable',
      `cannot read ${path} (${codeOf(cause)}): services of the Swarm cannot be asked for or told; run as root on the node, or mount that folder and name it in swarm.certificates`,
      { cause },
    );
  }
}

const unusable = (folder: string, why: string): PortcullisError =>
  new PortcullisError(
    'swarm-unavailable',
    `the certificate in ${folder} cannot be used: ${why}; services of the Swarm cannot be asked for or told`,
  );
