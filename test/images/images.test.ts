/** The images and the Compose files, built and started for real: `npm run test:images`. */
import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, HOST_V6, openLab, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { ALL_IN_ONE, openBuilder, SIDECAR, type Builder } from './docker-build.ts';

const CARELESS = 8080;
const WAIT_MS = 30_000;

let lab: Lab;
let engine: Engine;
let builder: Builder;
let outside: Agent;

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({ ipv6: true, args: ['--storage-driver', 'overlay2'] });
  builder = await openBuilder(lab, engine);
  outside = startAgent(lab.outside.name, lab.cleanup);
});
after(() => lab.close());

/** What a stranger gets from a published port of the host, over both families: the status, or 0. */
const fromOutside = async (port: number): Promise<readonly number[]> =>
  Promise.all(
    [`http://${HOST_V4}:${port}/`, `http://[${HOST_V6}]:${port}/`].map(
      async (url) => (await get(lab.outside, url, { args: ['--max-time', '2'] })).status,
    ),
  );

async function served(host: string): Promise<void> {
  let answer = '';
  const is200 = async (): Promise<boolean> => {
    const { status, headers, body } = await get(lab.outside, `http://${HOST_V4}/`, { host });
    answer = `${headers}\n${body}`;
    return status === 200;
  };
  await waitUntil(`${host} is served`, is200, WAIT_MS).catch(async (cause: unknown) => {
    throw new Error(`${host} answered:\n${answer}\n${await lastWords()}`, { cause });
  });
}

/** What every container printed last. */
async function lastWords(): Promise<string> {
  const names = await engine.docker('ps', '--all', '--format', '{{.Names}}');
  const logs = names.split('\n').map(async (name) => {
    const { stdout, stderr } = await engine.tryDocker('logs', '--tail', '15', name);
    return `--- ${name}\n${stdout}${stderr}`;
  });
  return (await Promise.all(logs)).join('\n');
}

const healthOf = (container: string): Promise<string> =>
  engine.docker('inspect', '--format', '{{.State.Health.Status}}', container);

async function becomesHealthy(container: string): Promise<void> {
  await waitUntil(
    `${container} is healthy`,
    async () => (await healthOf(container)) === 'healthy',
    WAIT_MS,
  );
}

async function isGuarded(): Promise<void> {
  for (const host of ['shop.example.com', `service-${CARELESS}.example.com`]) await served(host);
  const { status } = await get(lab.host, `http://127.0.0.1:${CARELESS}/`);
  assert.equal(status, 200, 'the port answers on the host itself');
  assert.deepEqual(await fromOutside(CARELESS), [0, 0]);
  assert.equal(
    await outside.dial('tcp', HOST_V4, 80),
    '',
    'Nginx is open, and waits for a request',
  );
}

test('docker build: the Dockerfile as it is, on stand-ins for its two bases', async () => {
  await builder.target('portcullis', SIDECAR);
  await builder.target('all-in-one', ALL_IN_ONE);
  await builder.others();
  for (const image of ['debian:trixie-slim', SIDECAR, ALL_IN_ONE]) {
    const bytes = Number(await engine.docker('image', 'inspect', '--format', '{{.Size}}', image));
    console.log(`${image}: ${Math.round(bytes / 1e6)} MB`);
  }
});

test('the sidecar has what the program runs, and nothing else', async () => {
  const has = async (...programs: readonly string[]): Promise<string> =>
    engine.docker(
      ...['run', '--rm', '--network', 'none', '--entrypoint', 'sh', SIDECAR, '-c'],
      `for each in ${programs.join(' ')}; do command -v $each >/dev/null && echo $each; done; true`,
    );
  const wanted = [
    'portcullis',
    'node',
    'nft',
    'ip',
    'iptables-nft',
    'iptables-legacy',
    'ip6tables-legacy',
  ];
  assert.deepEqual((await has(...wanted)).split('\n'), wanted);
  assert.equal(await has('npm', 'nginx', 'docker', 'conntrack', 'gcc', 'python3', 'curl'), '');
  const { version }: { version: string } = JSON.parse(
    await readFile(join(packageRoot(), 'package.json'), 'utf8'),
  );
  assert.equal(
    await engine.docker('run', '--rm', '--network', 'none', SIDECAR, '--version'),
    version,
  );
});

for (const [command, capabilities, works] of [
  ['nft list ruleset', ['NET_ADMIN'], true],
  ['nft list ruleset', [], false],
  ['iptables-nft -S', ['NET_ADMIN'], true],
  ['iptables-legacy -S', ['NET_ADMIN'], false],
  ['iptables-legacy -S', ['NET_ADMIN', 'NET_RAW'], true],
] as const) {
  test(`${command} with ${capabilities.join() || 'no capability'}: ${works ? 'works' : 'fails'}`, async () => {
    const { code } = await engine.tryDocker(
      ...['run', '--rm', '--network', 'none', '--security-opt', 'no-new-privileges:true'],
      ...['--cap-drop', 'ALL', ...capabilities.flatMap((each) => ['--cap-add', each])],
      ...['--entrypoint', 'sh', SIDECAR, '-c', command],
    );
    assert.equal(code === 0, works);
  });
}

for (const file of ['compose.yaml', 'compose.socket-proxy.yaml']) {
  describe(file, () => {
    const compose = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(
        'env',
        [
          ...[`DOCKER_HOST=${engine.url}`, 'docker-compose', '--project-name', 'lab'],
          ...['-f', join(lab.folder, file), '-f', join(lab.folder, `lab.${file}`), ...args],
        ],
        { timeoutMs: 120_000 },
      );
      assert.equal(code, 0, `docker-compose ${args.join(' ')}:\n${stdout}${stderr}`);
      return stdout;
    };
    const portcullis = async (): Promise<string> =>
      (await compose('ps', '-q', 'portcullis')).trim();

    before(async () => {
      await copyFile(join(packageRoot(), file), join(lab.folder, file));
      await writeFile(join(lab.folder, `lab.${file}`), labOverride(file));
    });
    after(async () => {
      await compose('down', '-v');
      await engine.docker(
        ...['run', '--rm', '--network', 'host', '--cap-add', 'NET_ADMIN', SIDECAR],
        ...['firewall', 'remove', '--yes'],
      );
    });

    test('without Portcullis the careless service is open to everybody', async () => {
      await compose('up', '-d', '--no-build', 'careless');
      await waitUntil('it answers', async () =>
        (await fromOutside(CARELESS)).every((each) => each === 200),
      );
    });

    test('up: served by Nginx, closed to the outside, healthy', async () => {
      await compose('up', '-d', '--no-build');
      await isGuarded();
      await becomesHealthy(await portcullis());
    });

    test('Portcullis has no more capabilities than it was given, and can check and audit', async () => {
      const id = await portcullis();
      const status = await engine.docker('exec', id, 'cat', '/proc/self/status');
      const effective = /^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '';
      const { NET_ADMIN, NET_BIND_SERVICE } = { NET_ADMIN: 1 << 12, NET_BIND_SERVICE: 1 << 10 };
      const testsNginx = file === 'compose.socket-proxy.yaml';
      const given = testsNginx ? NET_ADMIN | NET_BIND_SERVICE : NET_ADMIN;
      assert.equal(Number.parseInt(effective, 16), given);
      await engine.docker('exec', id, 'portcullis', 'firewall', 'check');
      const audit = await engine.tryDocker('exec', id, 'portcullis', 'audit', '--json');
      const { findings }: { findings: { verdict: string }[] } = JSON.parse(audit.stdout);
      assert.ok(findings.length > 0);
      assert.deepEqual(
        findings.filter(({ verdict }) => verdict === 'open'),
        [],
      );
    });

    test('a service that comes later is served as well', async () => {
      await engine.run({
        name: 'late',
        ports: ['127.0.0.1:1234:80'],
        labels: { 'portcullis.enable': 'true' },
      });
      await served('service-1234.example.com');
      await engine.docker('rm', '-f', 'late');
    });

    if (file === 'compose.socket-proxy.yaml') {
      test('the proxy lets Portcullis read, and refuses logs, files, and whatever changes something', async () => {
        const id = await portcullis();
        const asked = async (method: string, path: string): Promise<string> =>
          engine.docker('exec', id, 'node', '-e', ASK, method, path);
        assert.equal(await asked('GET', '/v1.41/containers/json'), '200');
        assert.equal(await asked('GET', `/containers/${id}/logs?stdout=1`), '403');
        assert.equal(await asked('GET', `/containers/${id}/archive?path=/etc`), '403');
        assert.equal(await asked('POST', `/containers/${id}/exec`), '405');
        assert.equal(await asked('POST', '/containers/create'), '405');
      });
    }

    test('restart: served and closed again', async () => {
      await compose('restart');
      await isGuarded();
      await becomesHealthy(await portcullis());
    });

    test('down: nothing is served, and what comes up without Portcullis stays closed', async () => {
      await compose('down');
      assert.equal((await get(lab.outside, `http://${HOST_V4}/`)).status, 0);
      await engine.run({ name: 'orphan', ports: [`${CARELESS}:80`] });
      assert.deepEqual(await fromOutside(CARELESS), [0, 0]);
      await engine.docker('rm', '-f', 'orphan');
    });

    test('up again: as before', async () => {
      await compose('up', '-d', '--no-build');
      await isGuarded();
    });
  });
}

/** The lab's socket in the place of the machine's. */
const labOverride = (file: string): string => `services:
  ${file === 'compose.yaml' ? 'portcullis' : 'docker-proxy'}:
    volumes: ['${engine.socket}:/var/run/docker.sock:ro']
`;

/** Prints the status that the proxy answers with. */
const ASK = `
const [method, path] = process.argv.slice(1);
const socketPath = process.env.DOCKER_HOST.slice('unix://'.length);
require('node:http').request({ socketPath, method, path }, (answer) => {
  console.log(answer.statusCode);
  answer.destroy();
}).end();`;

describe('one container for all', () => {
  /** The line of the README, with the lab's socket and a name. */
  const start = async (): Promise<void> => {
    const readme = await readFile(join(packageRoot(), 'README.md'), 'utf8');
    const [line = ''] = /^docker run (?:.*\\\n)*.*portcullis:all-in-one$/m.exec(readme) ?? [];
    assert.notEqual(line, '', 'README.md has the docker run line');
    const args = line.replaceAll('\\\n', ' ').trim().split(/\s+/).slice(1);
    await engine.docker(
      ...args.map((each) => each.replace(/^\/var\/run\/docker\.sock:/, `${engine.socket}:`)),
    );
  };
  const exitCode = async (): Promise<number> => {
    const format = '{{.State.Status}} {{.State.ExitCode}}';
    const ended = await waitUntil(
      'the container ends',
      async () => {
        const [status, code] = (
          await engine.docker('inspect', '--format', format, 'portcullis')
        ).split(' ');
        return status === 'exited' && code;
      },
      WAIT_MS,
    );
    return Number(ended);
  };

  before(async () => {
    await engine.run({
      name: 'careless',
      ports: [`${CARELESS}:80`],
      labels: { 'portcullis.enable': 'true' },
    });
    await engine.run({
      name: 'shop',
      ports: ['127.0.0.1::80'],
      labels: { 'portcullis.host': 'shop.example.com' },
    });
  });

  test('the README’s line: served, closed, healthy', async () => {
    await start();
    await isGuarded();
    await becomesHealthy('portcullis');
  });

  test('docker stop ends it with 0, docker start brings it back', async () => {
    await engine.docker('stop', '--time', '30', 'portcullis');
    assert.equal(await exitCode(), 0);
    await engine.docker('start', 'portcullis');
    await isGuarded();
  });

  for (const [name, pattern] of [
    ['Nginx', '^nginx: master'],
    ['Portcullis', 'cli.js watch|portcullis watch'],
  ] as const) {
    test(`when ${name} ends, the container does, as failed; its restart policy brings it back`, async () => {
      await engine.docker('update', '--restart', 'no', 'portcullis');
      const pids = await engine.docker('top', 'portcullis', '-eo', 'pid,args');
      const pid = pids
        .split('\n')
        .map((row) => /^\s*(\d+)\s+(.*)$/.exec(row))
        .find(
          (row) =>
            row?.[2] !== undefined && new RegExp(pattern).test(row[2]) && !row[2].includes('bash'),
        )?.[1];
      process.kill(Number(pid), 'SIGKILL');
      assert.notEqual(await exitCode(), 0);
      await engine.docker('update', '--restart', 'unless-stopped', 'portcullis');
      await engine.docker('start', 'portcullis');
      await isGuarded();
    });
  }
});
