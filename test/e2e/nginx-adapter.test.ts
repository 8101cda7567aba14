/** The adapter against a real Nginx on loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openNginxHost } from '../../src/adapters/nginx-host.ts';
import { conflictingNames } from '../../src/core/nginx-test-output.ts';
import { PortcullisError } from '../../src/errors.ts';
import { makeNginx, startOther, type LocalNginx } from '../support/local-nginx.ts';

const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';

/** A link in conf.d, as `init` makes it. */
async function withLink(context: TestContext, http = ''): Promise<LocalNginx> {
  const nginx = await makeNginx(context, `${http}\n    include conf.d/*.conf;`);
  await nginx.write({ 'conf.d/00-own.conf': '# nothing\n' });
  await nginx.link(join(nginx.settings.nginx.dir, 'portcullis.conf'), 'conf.d/portcullis.conf');
  await nginx.index(A);
  await nginx.switchTo(A);
  return nginx;
}

const inConf = (nginx: LocalNginx, name: string): string =>
  join(dirname(nginx.settings.nginx.config), name);

/** The error that `promise` must end in. */
async function failure(promise: Promise<unknown>, code: string): Promise<PortcullisError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PortcullisError, String(error));
  assert.equal(error.code, code);
  return error;
}

const layouts: readonly [title: string, http: string, files: Record<string, string>][] = [
  ['one include line', 'include <entry>;', {}],
  ['a quoted include over two lines', 'include\n  "<entry>";', {}],
  [
    'a file of conf.d that includes it',
    'include conf.d/*.conf;',
    { 'conf.d/x.conf': 'include <entry>;' },
  ],
  [
    'a chain of two files, beside others',
    'include conf.d/[a-z]*;',
    {
      'conf.d/a.conf': '# include <entry>;\n',
      'conf.d/b.conf': 'include more/*.inc;',
      'more/z.inc': '# one\ninclude <entry>; # two\n',
    },
  ],
];

for (const [title, http, files] of layouts) {
  test(`test(): judges the candidate in place of what is live, with ${title}`, async (context) => {
    const nginx = await makeNginx(context, http);
    const { dir, config } = nginx.settings.nginx;
    const fill = (text: string): string => text.replaceAll('<entry>', join(dir, 'portcullis.conf'));
    for (const [name, text] of Object.entries(files)) await nginx.write({ [name]: fill(text) });
    await writeFile(config, fill(await readFile(config, 'utf8')));
    await nginx.index(A, 'live is broken');
    await nginx.switchTo(A);
    const host = await openNginxHost(nginx.settings);
    assert.equal((await host.facts()).included, true);
    assert.equal((await host.testLive()).ok, false);

    assert.deepEqual(await host.test(await nginx.index(B)), { ok: true, warnings: [] });

    const path = await nginx.index(B, 'server {\n    nonsense on;\n}');
    const refused = await host.test(path);
    assert.ok(!refused.ok);
    assert.equal(refused.reason, 'unknown directive "nonsense"');
    assert.deepEqual([refused.file, refused.line], [path, 7]);
  });
}

test('test(): before the first generation, where a pattern will match the entry', async (context) => {
  const nginx = await makeNginx(context, 'include <entries>;');
  const { dir, config } = nginx.settings.nginx;
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace('<entries>', join(dir, '*.conf')));
  const host = await openNginxHost(nginx.settings);
  assert.equal((await host.facts()).included, true);
  assert.deepEqual(await host.test(await nginx.index(B)), { ok: true, warnings: [] });
  assert.equal((await host.test(await nginx.index(B, 'nonsense;'))).ok, false);
});

test('facts(): an entry that nothing includes is not included', async (context) => {
  const nginx = await makeNginx(context, '');
  assert.equal((await (await openNginxHost(nginx.settings)).facts()).included, false);
});

test('test(): a configuration that logs to /dev/stdout, as in a container', async (context) => {
  const nginx = await withLink(context, '    access_log /dev/stdout;');
  const host = await openNginxHost(nginx.settings);
  assert.deepEqual(await host.test(await nginx.index(B)), { ok: true, warnings: [] });
});

test('test(): relative paths mean what they mean to the running Nginx', async (context) => {
  const nginx = await withLink(
    context,
    `    server {
        listen 127.0.0.1:<port>;
        server_name own.example;
        include snippets/own.conf;
        auth_basic x;
        auth_basic_user_file users;
    }`,
  );
  await nginx.write({ 'snippets/own.conf': 'include deeper/two.conf;', 'deeper/two.conf': '' });
  const host = await openNginxHost(nginx.settings);
  assert.deepEqual(await host.test(await nginx.index(B)), { ok: true, warnings: [] });
  assert.equal((await host.testLive()).ok, true);
});

test('test(): a mistake in the user’s own file is told by its path and line', async (context) => {
  const nginx = await withLink(context);
  const host = await openNginxHost(nginx.settings);
  await nginx.write({ 'conf.d/00-own.conf': '#\nserver {\n  listen 127.0.0.1:1 nonsense;\n}\n' });
  const inIncluded = await host.test(await nginx.index(B));
  assert.ok(!inIncluded.ok);
  const included = inConf(nginx, 'conf.d/00-own.conf');
  assert.deepEqual([inIncluded.file, inIncluded.line], [included, 3]);

  await nginx.write({ 'conf.d/00-own.conf': '' });
  const { config } = nginx.settings.nginx;
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace(/\}\s*$/, 'nonsense on;\n}\n'));
  const inMain = await host.test(await nginx.index(B));
  assert.ok(!inMain.ok);
  assert.deepEqual([inMain.file, inMain.line], [config, text.split('\n').length - 1]);
});

test('facts(): a configuration that cannot be read is told by file and line', async (context) => {
  const nginx = await withLink(context);
  const host = await openNginxHost(nginx.settings);
  await nginx.write({ 'conf.d/00-own.conf': 'server {\n  listen 1;\n' });
  const error = await failure(host.facts(), 'nginx-rejected');
  const place = `${inConf(nginx, 'conf.d/00-own.conf')}:3`;
  assert.ok(error.message.startsWith(`${place}: unexpected end of file`), error.message);
});

test('test(): a name that two server blocks claim is a warning', async (context) => {
  const server = 'server { listen 127.0.0.1:<port>; server_name twice.example; }';
  const nginx = await withLink(context, server);
  const host = await openNginxHost(nginx.settings);
  const path = await nginx.index(B, server.replace('<port>', String(nginx.port)));
  const result = await host.test(path);
  assert.ok(result.ok);
  assert.deepEqual(conflictingNames(result.warnings), ['twice.example']);
});

test('test(): sees what the user changed, and writes its scratch folder again', async (context) => {
  const nginx = await withLink(context);
  const host = await openNginxHost(nginx.settings);
  const index = await nginx.index(B, 'include late/*.conf;\ninclude needed;');
  assert.equal((await host.test(index)).ok, false);
  await nginx.write({
    needed: '',
    'conf.d/site.conf': `server { listen 127.0.0.1:${nginx.port}; server_name New.example; }`,
    'conf.d/other.conf': 'server { listen 127.0.0.1:1; server_name elsewhere.example; }',
  });
  assert.deepEqual(await host.test(index), { ok: true, warnings: [] });
  assert.deepEqual([...(await host.facts()).handWritten.keys()], ['new.example']);
  await rm(join(nginx.settings.nginx.dir, 'test'), { recursive: true });
  assert.equal((await host.test(index)).ok, true);
});

test('reload(): the same master serves the new generation; a test disturbs nothing', async (context) => {
  const nginx = await withLink(context);
  await nginx.start();
  const host = await openNginxHost(nginx.settings);
  await host.requireRunning();
  await host.confirm(A);
  const before = await nginx.pid();
  assert.equal((await host.test(await nginx.index(B))).ok, true);
  assert.equal(await nginx.pid(), before);
  assert.equal(await host.served(), A);
  await nginx.switchTo(B);
  await host.reload();
  await host.confirm(B);
  assert.equal(await nginx.pid(), before);
});

test('confirm(): tells what Nginx logged when the new generation is not served', async (context) => {
  const other = createServer().listen(0, '127.0.0.1');
  context.after(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const nginx = await withLink(context);
  await nginx.start();
  const host = await openNginxHost(nginx.settings, { confirmTimeoutMs: 4_000 });
  const path = await nginx.index(B, `server { listen 127.0.0.1:${address.port}; }`);
  assert.equal((await host.test(path)).ok, true, 'nginx -t says nothing of ports in use');
  await nginx.switchTo(B);
  await host.reload();
  const { detail = '' } = await failure(host.confirm(B), 'nginx-reload-failed');
  assert.match(detail, /bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\)/);
  assert.equal(await host.served(), A);
});

test('reload(): a stale pid file never gets another process signalled', async (context) => {
  const nginx = await withLink(context);
  const host = await openNginxHost(nginx.settings);
  const { message } = await failure(host.requireRunning(), 'nginx-not-running');
  assert.match(message, /systemctl start nginx.*--no-reload/);
  for (const text of ['', 'x\n', '1\n', '-1\n', '0\n', '999999999\n', `${startOther(context)}\n`]) {
    await writeFile(nginx.pidFile, text);
    await failure(host.reload(), 'nginx-not-running');
  }
  await rm(nginx.pidFile);
});

test('test(): takes over the prefix that the running Nginx was started with', async (context) => {
  const nginx = await withLink(context, '    access_log only-there/access.log;');
  const prefix = join(nginx.folder, 'prefix');
  await mkdir(join(prefix, 'only-there'), { recursive: true });
  const host = await openNginxHost(nginx.settings);
  const path = await nginx.index(B);
  assert.equal((await host.test(path)).ok, false);
  await nginx.start(['-p', prefix]);
  assert.deepEqual(await host.test(path), { ok: true, warnings: [] });
});

test('version(): a program that is not there is told with what to do', async (context) => {
  const nginx = await withLink(context);
  assert.match(await (await openNginxHost(nginx.settings)).version(), /^\d+\.\d+\.\d+$/);
  const changed = { ...nginx.settings.nginx, binary: '/nowhere/nginx' };
  const host = await openNginxHost({ ...nginx.settings, nginx: changed });
  const path = await nginx.index(B);
  for (const call of [() => host.version(), () => host.test(path)]) {
    const { message } = await failure(call(), 'nginx-missing');
    assert.match(message, /apt-get install nginx/);
  }
});
