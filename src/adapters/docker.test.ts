/** Answers that a sound engine never gives; everything else is tested against a real one in test/e2e. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { PortcullisError } from '../errors.ts';
import { openDocker, type DockerSource } from './docker.ts';

const never = new AbortController().signal;

async function serve(
  t: TestContext,
  listener: RequestListener,
  limitMs?: number,
): Promise<DockerSource> {
  const server = createServer(listener);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return open(server, limitMs);
}

async function open(server: Server, limitMs = 20_000): Promise<DockerSource> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return openDocker({ url: `tcp://127.0.0.1:${port}`, env: {}, limitMs });
}

/** The error's code and message, with the address made the same in each run. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof PortcullisError)) throw error;
    return `${error.code}: ${error.message.replace(/127\.0\.0\.1:\d+/, 'HOST')}`;
  }
  return 'no error';
}

const answers: readonly [title: string, listener: RequestListener, expected: string][] = [
  [
    'half an answer with a length',
    (_, response) => {
      response.setHeader('Content-Length', 100);
      response.write('[{"Id":');
      setTimeout(() => response.destroy(), 10);
    },
    'docker-unreachable: cannot reach Docker at tcp://HOST: the connection ended before the answer was whole',
  ],
  [
    'half an answer in chunks that would parse',
    (_, response) => {
      response.write('[]');
      setTimeout(() => response.destroy(), 10);
    },
    'docker-unreachable: cannot reach Docker at tcp://HOST: the connection ended before the answer was whole',
  ],
  [
    'an answer that never comes',
    () => {},
    'docker-unreachable: Docker at tcp://HOST did not answer GET /containers/json within 1 s',
  ],
  [
    'an answer that never ends',
    (_, response) => void response.write('['),
    'docker-unreachable: Docker at tcp://HOST did not answer GET /containers/json within 1 s',
  ],
  [
    'JSON that breaks off',
    (_, response) => response.end('[{"Id":'),
    'docker-refused: Docker at tcp://HOST answered GET /containers/json with something that is not JSON',
  ],
  [
    'an empty answer',
    (_, response) => response.end(),
    'docker-refused: Docker at tcp://HOST answered GET /containers/json with something that is not JSON',
  ],
  [
    'an object where a list belongs',
    (_, response) => response.end('{}'),
    'docker-refused: Docker at tcp://HOST answered GET /containers/json with something unexpected: a list was expected',
  ],
  [
    'a field of the wrong type',
    (_, response) =>
      response.end('[{"Id":"c1","Names":["/web"],"State":"running","Created":"now"}]'),
    'docker-refused: Docker at tcp://HOST answered GET /containers/json with something unexpected: container web: Created must be a whole number from 0 to 9007199254740991, but is "now"',
  ],
  [
    'an error of the engine',
    (_, response) => response.writeHead(500).end('{"message":"disk\\nfull"}'),
    'docker-refused: Docker refused GET /containers/json: disk full (HTTP 500)',
  ],
  [
    'an error without words',
    (_, response) => response.writeHead(503).end(),
    'docker-refused: Docker refused GET /containers/json: no reason given (HTTP 503)',
  ],
  [
    'a socket proxy that says no',
    (_, response) => response.writeHead(403).end('<html>\n<body>Forbidden</body></html>'),
    'docker-refused: Docker refused GET /containers/json: <html> <body>Forbidden</body></html> (HTTP 403); does a proxy in front of the Docker socket forbid it?',
  ],
  [
    'half an error',
    (_, response) => {
      response.writeHead(500, { 'Content-Length': 100 }).write('{"mess');
      setTimeout(() => response.destroy(), 10);
    },
    'docker-unreachable: cannot reach Docker at tcp://HOST: the connection ended before the answer was whole',
  ],
];
for (const [title, listener, expected] of answers) {
  test(`containers(): ${title}`, async (t) => {
    const docker = await serve(t, listener, expected.endsWith('within 1 s') ? 1_000 : undefined);
    assert.equal(await failure(docker.containers(never)), expected);
  });
}

test('containers(): something that does not speak HTTP', async (t) => {
  const server = createTcpServer((socket: Socket) => socket.end('SSH-2.0-x\r\n'));
  t.after(() => server.close());
  const docker = await open(server);
  assert.equal(
    await failure(docker.containers(never)),
    'docker-unreachable: cannot reach Docker at tcp://HOST: it does not speak HTTP; is this the Docker API?',
  );
});

const addresses: readonly [url: string, message: string][] = [
  [
    'unix:///nonexistent/docker.sock',
    'cannot reach Docker at unix:///nonexistent/docker.sock: there is no such socket; is Docker running?',
  ],
  [
    'tcp://127.0.0.1:1',
    'cannot reach Docker at tcp://127.0.0.1:1: nothing listens there; is Docker running?',
  ],
  [
    'tcp://localhost:1',
    'cannot reach Docker at tcp://localhost:1: nothing listens there; is Docker running?',
  ],
  [
    'tcp://[::1]:1',
    'cannot reach Docker at tcp://[::1]:1: nothing listens there; is Docker running?',
  ],
];
for (const [url, message] of addresses) {
  test(`containers(): nothing at ${url}`, async () => {
    const docker = await openDocker({ url, env: { DOCKER_HOST: 'tcp://192.0.2.1:2375' } });
    await assert.rejects(docker.containers(never), { code: 'docker-unreachable', message });
  });
}

test('containers(): an abort ends the wait with its reason', async (t) => {
  const docker = await serve(t, () => {});
  const abort = new AbortController();
  const listed = docker.containers(abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(listed, { message: 'enough' });
  await assert.rejects(docker.containers(abort.signal), { message: 'enough' });
});

test('containers(): many calls with one signal leave nothing on it', async (t) => {
  const docker = await serve(t, (_, response) => response.end('[]'));
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  await Promise.all(Array.from({ length: 20 }, () => docker.containers(signal)));
  await tick();
  process.off('warning', onWarning);
  assert.deepEqual([listeners, warnings], [0, []]);
});

test('inspect(): only Docker’s own 404 means that there is none', async (t) => {
  const docker = await serve(t, (request, response) => {
    const isOurs = request.url?.includes('gone') === true;
    const message = isOurs ? 'No such container: gone' : 'page not found';
    response.writeHead(404).end(JSON.stringify({ message }));
  });
  assert.equal(await docker.inspect('gone', never), undefined);
  assert.equal(
    await failure(docker.inspect('other', never)),
    'docker-refused: Docker refused GET /containers/other/json: page not found (HTTP 404)',
  );
});

test('inspect(): Podman says 500 of one that goes at this moment', async (t) => {
  const message = 'container c1 does not exist in database: no such container';
  const docker = await serve(t, (_request, response) => {
    response.writeHead(500).end(JSON.stringify({ message }));
  });
  assert.equal(await docker.inspect('c1', never), undefined);
});

for (const [title, headers, asked] of [
  ['Docker', {}, ['/networks?']],
  ['Podman', { 'Libpod-API-Version': '4.3.1' }, ['/networks?', '/v4.0.0/libpod/networks/json?']],
] as const) {
  test(`networks(): what ${title} is asked`, async (t) => {
    const urls: (string | undefined)[] = [];
    const docker = await serve(t, ({ url }, response) => {
      urls.push(url);
      response.writeHead(200, headers).end('[]');
    });
    assert.deepEqual(await docker.networks(never), []);
    assert.deepEqual(urls, asked);
  });
}

test('containers(): Podman is asked after each, for its list tells neither health nor network', async (t) => {
  const listed = (Id: string): object => ({ Id, Names: [`/${Id}`], State: 'running', Created: 1 });
  const inspected = {
    ...{ Id: 'c1', Name: 'c1', Created: '2026-01-02T03:04:05Z' },
    State: { Status: 'running', Health: { Status: 'unhealthy' } },
    HostConfig: { NetworkMode: 'host' },
  };
  const docker = await serve(t, ({ url }, response) => {
    const isList = url?.startsWith('/containers/json') ?? false;
    response.setHeader('Libpod-API-Version', '4.3.1');
    if (isList) response.end(JSON.stringify([listed('c1'), listed('gone')]));
    else if (url?.startsWith('/containers/c1/')) response.end(JSON.stringify(inspected));
    else response.writeHead(404).end('{"message":"no such container"}');
  });
  const containers = await docker.containers(never);
  assert.deepEqual(
    containers.map(({ name, health, networkMode }) => [name, health, networkMode]),
    [['c1', 'unhealthy', 'host']],
  );
});

test('inspect(): a name cannot leave its place in the address', async (t) => {
  const urls: (string | undefined)[] = [];
  const docker = await serve(t, ({ url }, response) => {
    urls.push(url);
    response.writeHead(404).end('{"message":"No such container: x"}');
  });
  await docker.inspect('../info?x#y', never);
  assert.deepEqual(urls, ['/containers/..%2Finfo%3Fx%23y/json?']);
});

const START = {
  Type: 'container',
  Action: 'start',
  Actor: { ID: 'c1', Attributes: {} },
  timeNano: 1,
};
const named = (name: string): string =>
  `${JSON.stringify({ ...START, Actor: { ID: 'c1', Attributes: { name } } })}\n`;

async function names(docker: DockerSource, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name } of docker.events({ signal: never })) {
    found.push(name);
    if (found.length === count) break;
  }
  return found;
}

test('events(): lines and characters that chunks cut in two', async (t) => {
  const bytes = Buffer.from(`${named('web')}\r\n${named('größe')}${named('last')}`);
  const docker = await serve(t, (_, response) => {
    let at = 0;
    const timer = setInterval(() => {
      if (at < bytes.length) response.write(bytes.subarray(at, (at += 1)));
      else clearInterval(timer);
    }, 0);
    response.on('close', () => clearInterval(timer));
  });
  assert.deepEqual(await names(docker, 3), ['web', 'größe', 'last']);
});

test('events(): many lines in one chunk', async (t) => {
  const docker = await serve(t, (_, response) => response.end(named('a') + named('b')));
  assert.deepEqual(await names(docker, 2), ['a', 'b']);
});

for (const [engine, headers, expected] of [
  ['Docker', {}, ['start', 'start']],
  ['Podman', { 'Libpod-API-Version': '4.3.1' }, ['start', 'exec_died', 'start']],
] as const) {
  test(`events(): the end of a health check costs nothing where the engine tells the health: ${engine}`, async (t) => {
    const docker = await serve(t, (_, response) => {
      const told = [START, { ...START, Action: 'exec_died' }, START];
      response
        .writeHead(200, headers)
        .end(told.map((each) => `${JSON.stringify(each)}\n`).join(''));
    });
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const { action } of docker.events({ signal: never })) seen.push(action);
    });
    assert.deepEqual(seen, expected);
  });
}

const streams: readonly [title: string, listener: RequestListener, expected: string][] = [
  [
    'a polite end',
    (_, response) => response.end(named('a')),
    'docker-unreachable: Docker at tcp://HOST closed the event stream',
  ],
  [
    'a broken connection',
    (_, response) => {
      response.write(named('a'));
      setTimeout(() => response.destroy(), 10);
    },
    'docker-unreachable: cannot reach Docker at tcp://HOST: the connection ended before the answer was whole',
  ],
  [
    'a line that is no JSON',
    (_, response) => void response.write('{"Type":\n'),
    'docker-refused: Docker at tcp://HOST sent a line that is no event',
  ],
  [
    'a line that is no event',
    (_, response) => void response.write('{}\n'),
    'docker-refused: Docker at tcp://HOST sent a line that is no event: Docker event: Type must be text, but is missing',
  ],
  [
    'a refusal',
    (_, response) => response.writeHead(400).end('{"message":"bad filter"}'),
    'docker-refused: Docker refused GET /events: bad filter (HTTP 400)',
  ],
  [
    'no head in time',
    () => {},
    'docker-unreachable: Docker at tcp://HOST did not answer GET /events within 1 s',
  ],
];
for (const [title, listener, expected] of streams) {
  test(`events(): ${title} is an error`, async (t) => {
    const docker = await serve(t, listener, expected.endsWith('within 1 s') ? 1_000 : undefined);
    assert.equal(await failure(names(docker, 9)), expected);
  });
}

test('events(): the limit is for the head, not for the stream', async (t) => {
  const listener: RequestListener = (_, response) => {
    response.flushHeaders();
    setTimeout(() => response.write(named('late')), 1_200);
  };
  const docker = await serve(t, listener, 1_000);
  assert.deepEqual(await names(docker, 1), ['late']);
});

test('events(): an abort ends the iteration quietly and closes the connection', async (t) => {
  let closed: Promise<unknown> = Promise.resolve();
  const docker = await serve(t, (_, response) => {
    closed = once(response, 'close');
    response.flushHeaders();
  });
  const abort = new AbortController();
  const stream = docker.events({ signal: abort.signal });
  await stream.ready;
  setTimeout(() => abort.abort(), 20);
  for await (const event of stream) assert.fail(`unexpected ${event.action}`);
  await closed;
});

test('events(): leaving the iteration closes the connection', async (t) => {
  let closed: Promise<unknown> = Promise.resolve();
  const docker = await serve(t, (_, response) => {
    closed = once(response, 'close');
    response.write(named('a'));
  });
  await names(docker, 1);
  await closed;
});

test('events(): an abort while nobody iterates closes the connection too', async (t) => {
  let closed: Promise<unknown> = Promise.resolve();
  const docker = await serve(t, (_, response) => {
    closed = once(response, 'close');
    response.flushHeaders();
  });
  const abort = new AbortController();
  await docker.events({ signal: abort.signal }).ready;
  abort.abort();
  await closed;
});

test('events(): a failure that nobody asks about ends nothing', async () => {
  const docker = await openDocker({ url: 'tcp://127.0.0.1:1', env: {} });
  docker.events({ signal: never });
  await assert.rejects(docker.events({ signal: never }).ready, { code: 'docker-unreachable' });
});

test('events(): since is in seconds and nanoseconds, the filters are JSON', async (t) => {
  let url = '';
  const docker = await serve(t, (request, response) => {
    url = request.url ?? '';
    response.flushHeaders();
  });
  const abort = new AbortController();
  await docker.events({ sinceNano: 1_700_000_000_500_000_000, signal: abort.signal }).ready;
  abort.abort();
  const query = new URLSearchParams(url.slice(url.indexOf('?')));
  assert.equal(query.get('since'), '1700000000.500000000');
  const filters: unknown = JSON.parse(query.get('filters') ?? '');
  assert.ok(typeof filters === 'object' && filters !== null && 'type' in filters);
  assert.deepEqual(filters.type, ['container', 'network', 'daemon', 'service', 'node']);
});

test('an answer that is no JSON is not quoted: it may hold the environment of a container', async (t) => {
  const docker = await serve(t, (_, response) => {
    response.end(`{"Id":"${'1'.repeat(64)}","Config":{"Env":["PASSWORD=hidden"`);
  });
  await assert.rejects(docker.inspect('web', never), (error) => {
    assert.ok(error instanceof PortcullisError);
    assert.match(error.detail ?? '', /^\d+ characters, which begin with "\{/);
    assert.doesNotMatch(`${error.message}${error.detail}`, /hidden/);
    return true;
  });
});
