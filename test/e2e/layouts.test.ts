/** `init` on Nginx as distributions set it up: `fixtures/nginx-layouts` as /etc/nginx, in a mount namespace. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packageRoot } from '../../src/adapters/package-root.ts';
import type { RunResult } from '../../src/adapters/run.ts';
import { bytesBelow, put } from '../lab/files.ts';
import { openLab, type Lab } from '../lab/lab.ts';

let lab: Lab;
before(async () => {
  lab = await openLab();
});
after(() => lab?.close());

/** Each command in a namespace of its own, over the same folder. */
const ENTER = `
mount --bind "$1" /etc/nginx
for each in /var/log/nginx /etc/systemd /etc/logrotate.d; do [ ! -d $each ] || mount -t tmpfs tmpfs $each; done
mount --bind "$2" /etc/passwd
mount --bind "$3" /etc/group
shift 3
exec "$@"`;

const COMPOSE = {
  name: 'shop',
  services: {
    web: {
      image: 'web',
      ports: [{ target: 80, published: '8080', protocol: 'tcp', host_ip: '127.0.0.1' }],
      labels: { 'portcullis.host': 'web.example' },
    },
  },
};

const ROWS: readonly [layout: string, shown: string, changed: string][] = [
  ['debian', 'link /etc/nginx/conf.d/portcullis.conf -> ', 'conf.d/portcullis.conf'],
  ['rhel', 'link /etc/nginx/conf.d/portcullis.conf -> ', 'conf.d/portcullis.conf'],
  // Its conf.d is read outside of the http block.
  ['alpine', 'link /etc/nginx/http.d/portcullis.conf -> ', 'http.d/portcullis.conf'],
  ['official', 'link /etc/nginx/conf.d/portcullis.conf -> ', 'conf.d/portcullis.conf'],
  ['plain', '+    include /etc/nginx/portcullis/portcullis.conf;', 'nginx.conf'],
];

for (const [layout, shown, changed] of ROWS) {
  describe(layout, () => {
    let folder = '';
    let run: (...argv: readonly string[]) => Promise<RunResult>;
    let portcullis: typeof run;
    let fresh: Readonly<Record<string, string>> = {};

    before(async () => {
      folder = join(lab.folder, layout);
      await cp(join(packageRoot(), 'fixtures/nginx-layouts', layout), folder, { recursive: true });
      for (const name of ['http.d', 'modules', 'default.d']) {
        await mkdir(join(folder, name), { recursive: true });
      }
      // Nginx takes a pattern in a folder that is not there.
      if (layout !== 'rhel') await mkdir(join(folder, 'conf.d'), { recursive: true });
      await writeFile(join(folder, 'mime.types'), 'types { text/html html; }\n');
      fresh = await bytesBelow(folder);
      const accounts = await Promise.all(
        [
          ['passwd', 'nginx:x:997:997::/:/sbin/nologin'],
          ['group', 'nginx:x:997:'],
        ].map(async ([name = '', line]) =>
          put(
            join(lab.folder, `${layout}.${name}`),
            `${(await readFile(`/etc/${name}`, 'utf8')).replaceAll(/^nginx:.*\n/gm, '')}${line}\n`,
          ),
        ),
      );
      const settings = await put(
        join(lab.folder, `${layout}.yaml`),
        'firewall: { mode: "off" }\ntls: { acme_dir: "" }\n',
      );
      run = (...argv) =>
        lab.host.run(['unshare', '-m', 'sh', '-ec', ENTER, 'sh', folder, ...accounts, ...argv]);
      portcullis = (...args) =>
        run(process.execPath, join(packageRoot(), 'dist/cli.js'), '--config', settings, ...args);
    });

    test('Nginx itself takes the file', async () => {
      const { code, stderr } = await run('nginx', '-t');
      assert.equal(code, 0, stderr);
    });

    test('init puts our entry where its http block reads it', async () => {
      const { code, stdout, stderr } = await portcullis('init', '--yes', '--no-units');
      assert.equal(code, 0, stderr);
      assert.ok(stdout.includes(shown), stdout);
      const now = await bytesBelow(folder);
      const others = Object.keys(now).filter((path) => !path.startsWith('portcullis/'));
      assert.deepEqual(
        others.filter((path) => now[path] !== fresh[path]),
        [changed],
      );
    });

    test('a site is published, and Nginx takes it in that place', async () => {
      const from = await put(join(lab.folder, 'compose.json'), JSON.stringify(COMPOSE));
      const { code, stderr } = await portcullis('generate', '--no-reload', '--from', from);
      assert.equal(code, 0, stderr);
      const { stdout } = await run('nginx', '-T');
      assert.match(stdout, /server_name "?web\.example"?;/);
    });

    test('init --undo gives the files back byte for byte', async () => {
      const { code, stderr } = await portcullis('init', '--undo', '--yes', '--no-units');
      assert.equal(code, 0, stderr);
      const now = Object.entries(await bytesBelow(folder));
      assert.deepEqual(
        Object.fromEntries(now.filter(([path]) => !path.startsWith('portcullis/'))),
        fresh,
      );
    });
  });
}
