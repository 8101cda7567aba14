/** Debian's ACME test server (pebble), with a name server of its own, in the lab's host namespace. */
import { join } from 'node:path';
import { run, type RunResult } from '../../src/adapters/run.ts';
import { makePair } from './certificates.ts';
import { put } from './files.ts';
import { HOST_V4, type Lab } from './lab.ts';
import { waitUntil } from './wait-until.ts';

export type Acme = {
  /** certbot with folders of its own; `live` is what tls.cert_dir is to name. */
  certbot(...args: readonly string[]): Promise<RunResult>;
  readonly live: string;
};

/** Every name leads to the lab's host. */
export async function startAcme(lab: Lab): Promise<Acme> {
  const folder = join(lab.folder, 'acme');
  await run('mkdir', ['-p', folder]);
  const own = await makePair(folder, { name: 'pebble', hosts: 'localhost' });
  const config = await put(
    join(folder, 'pebble.json'),
    JSON.stringify({
      pebble: {
        listenAddress: '127.0.0.1:14000',
        managementListenAddress: '127.0.0.1:15000',
        certificate: own.certificate,
        privateKey: own.key,
        httpPort: 80,
        tlsPort: 443,
      },
    }),
  );
  const names = lab.host.start([
    ...[
      'pebble-challtestsrv',
      '-defaultIPv4',
      HOST_V4,
      '-defaultIPv6',
      '',
      '-dns01',
      '127.0.0.1:8053',
    ],
    ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-management', '127.0.0.1:8055'],
  ]);
  const pebble = lab.host.start(
    ['pebble', '-config', config, '-dnsserver', '127.0.0.1:8053', '-strict', 'false'],
    // No waiting before a validation, no nonce refused on purpose: both are for testers of clients.
    { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
  );
  for (const started of [names, pebble]) lab.cleanup.add('acme', () => started.stop('SIGKILL'));
  await waitUntil('pebble answers', async () => {
    if (pebble.child.exitCode !== null) throw new Error(pebble.output());
    const args = ['curl', '-sk', '-o', '/dev/null', 'https://localhost:14000/dir'];
    return (await lab.host.run(args)).code === 0;
  });
  const folders = ['config', 'work', 'logs'].flatMap((name) => [
    `--${name}-dir`,
    join(folder, name),
  ]);
  return {
    live: join(folder, 'config', 'live'),
    certbot: (...args) =>
      lab.host.run(
        ['env', `REQUESTS_CA_BUNDLE=${own.certificate}`, 'certbot', ...args, ...folders],
        { timeoutMs: 60_000 },
      ),
  };
}
