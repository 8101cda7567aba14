/** Key pairs whose files have hostile names, and what must hold of the sites that they are for. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { BlockNode } from '../../src/core/block-tree.ts';
import { isQuotable } from '../../src/core/nginx-quote.ts';
import type { CertificatePair } from '../../src/core/tls/site-tls.ts';
import { anyText } from './texts.ts';

const FOLDER = '/etc/portcullis/certs';

/** As `readCertificates` gives them; a file's name has neither "/" nor a zero byte. */
export const certificates: fc.Arbitrary<readonly CertificatePair[]> = fc.uniqueArray(
  fc
    .record({
      name: anyText.map((text) => text.replaceAll(/[/\0]/g, '_') || 'x'),
      hosts: fc.subarray(['a.example', '*.c.example', 'b.example', '*.example.com']),
      broken: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        { arbitrary: anyText, weight: 1 },
      ),
      mustStaple: fc.boolean(),
    })
    .map(({ name, hosts, broken, mustStaple }): CertificatePair => {
      const certificateFile = `${FOLDER}/${name}.crt`;
      const fault = isQuotable(name) ? broken : 'a name that Nginx does not take';
      return {
        ...{ name, hosts, mustStaple, certificateFile, keyFile: `${FOLDER}/${name}.key` },
        ...{ notBefore: 0, notAfter: 2e12, fingerprint: name },
        ...(fault !== undefined && { broken: fault }),
      };
    }),
  { maxLength: 2, selector: ({ certificateFile }) => certificateFile },
);

/** Each certificate of the site is one of the pairs, whole, with its own key. Gives how many there are. */
export function checkCertificates(
  host: string,
  blocks: readonly BlockNode[],
  pairs: readonly CertificatePair[],
): number {
  const servers = blocks.filter(({ name }) => name === 'server');
  const filesOf = (server: BlockNode, directive: string): readonly string[] =>
    (server.children ?? []).filter(({ name }) => name === directive).flatMap(({ args }) => args);
  let count = 0;
  for (const server of servers) {
    const files = filesOf(server, 'ssl_certificate');
    for (const [index, file] of files.entries()) {
      const pair = pairs.find(({ certificateFile }) => certificateFile === file);
      assert.ok(pair && pair.broken === undefined, `${host} is given ${file}`);
      assert.equal(filesOf(server, 'ssl_certificate_key')[index], pair.keyFile);
      count += 1;
    }
  }
  return count;
}
