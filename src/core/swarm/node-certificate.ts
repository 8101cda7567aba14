/** The certificate that a Swarm gave a node: whose it is and what the node may be. */

export type NodeCertificate = {
  /** Id of the cluster. */
  readonly cluster: string;
  readonly role: 'manager' | 'worker';
  readonly nodeId: string;
};

/** @param subject its parts, as `O`, `OU`, `CN`; undefined where they are not those of a node */
export function nodeOf(subject: Readonly<Record<string, unknown>>): NodeCertificate | undefined {
  const { O: cluster, OU: unit, CN: nodeId } = subject;
  const role =
    unit === 'swarm-manager' ? 'manager' : unit === 'swarm-worker' ? 'worker' : undefined;
  if (role === undefined || typeof cluster !== 'string' || typeof nodeId !== 'string') {
    return undefined;
  }
  return cluster === '' || nodeId === '' ? undefined : { cluster, role, nodeId };
}

/** Reads `O=…\nOU=…\nCN=…`, as Node.js prints a subject. A part that is there twice is nobody's. */
export function nodeOfSubjectText(text: string): NodeCertificate | undefined {
  const parts = text.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line));
  const names = parts.map((part) => part?.[1] ?? '');
  if (new Set(names).size < names.length) return undefined;
  return nodeOf(Object.fromEntries(parts.map((part) => [part?.[1] ?? '', part?.[2] ?? ''])));
}

/** A manager's key file has headers of its own (`raft-dek: …`), which OpenSSL does not read. */
export const withoutPemHeaders = (pem: string): string =>
  pem.replace(/(-----BEGIN [A-Z ]+-----\r?\n)(?:[\w-]+: .*\r?\n)+\r?\n/, '$1');
