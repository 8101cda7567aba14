/** What users get: the package of npm and that of Debian, each installed into an empty folder. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';
import { version } from '../../src/version.ts';

const PROGRAM = ['dist/cli.js', 'dist/package.json', 'dist/portcullis.cjs'];
const TEMPLATES = ['index.conf', 'maintenance.html', 'quarantined.conf', 'site.conf'].map(
  (name) => `templates/${name}.ejs`,
);

const root = packageRoot();
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-package-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function ok(argv: readonly string[], cwd: string = root): Promise<string> {
  const command = ['-C', cwd, ...argv];
  const { code, stdout, stderr } = await run('env', command, { timeoutMs: 120_000 });
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function worksAs(program: string, man: string): Promise<void> {
  assert.equal((await ok([program, '--version'], folder)).trim(), version());
  for (const shell of ['bash', 'zsh', 'fish']) {
    assert.match(await ok([program, 'completion', shell], folder), /portcullis/);
  }
  assert.match(man, /^\.TH PORTCULLIS 1/);
  assert.match(man, /^\.SS generate/m);
}

describe('npm', () => {
  test('the package holds exactly what is needed', async () => {
    const packed = await ok(['npm', 'pack', '--json', '--pack-destination', folder]);
    const [{ files }]: [{ files: readonly { path: string }[] }] = JSON.parse(packed);
    assert.deepEqual(
      files.map(({ path }) => path).toSorted(),
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
        ...['dist/portcullis.cjs.LEGAL.txt', 'dist/portcullis.1', ...PROGRAM, ...TEMPLATES],
      ].toSorted(),
    );
  });

  test('it installs into an empty folder and works there', async () => {
    const prefix = join(folder, 'npm');
    const tarball = join(folder, `portcullis-${version()}.tgz`);
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
    await ok(['npm', 'install', '--global', '--prefix', prefix, ...quiet, tarball]);
    const man = await readFile(join(prefix, 'share/man/man1/portcullis.1'), 'utf8');
    await worksAs(join(prefix, 'bin/portcullis'), man);
  });
});

describe('Debian', () => {
  let deb = '';

  test('the package holds exactly what is needed, where Debian has it', async () => {
    deb = (await ok(['bash', '.ci/deb', folder])).trim();
    const listed = (await ok(['dpkg-deb', '--contents', deb])).trim().split('\n');
    assert.ok(listed.every((line) => line.includes(' root/root ')));
    const names = listed.map((line) => line.replace(/.* \.\//, '').replace(/ -> .*/, ''));
    assert.deepEqual(
      names.filter((name) => name !== '' && !name.endsWith('/')).toSorted(),
      [
        'usr/bin/portcullis',
        ...[...PROGRAM, ...TEMPLATES, 'package.json'].map((name) => `usr/lib/portcullis/${name}`),
        'usr/lib/systemd/system/portcullis.service',
        ...['README.md', 'SECURITY.md', 'changelog.gz', 'copyright'].map(
          (name) => `usr/share/doc/portcullis/${name}`,
        ),
        'usr/share/bash-completion/completions/portcullis',
        'usr/share/fish/vendor_completions.d/portcullis.fish',
        'usr/share/man/man1/portcullis.1.gz',
        'usr/share/zsh/vendor-completions/_portcullis',
      ].toSorted(),
    );
    assert.equal(
      (await ok(['dpkg-deb', '--field', deb, 'Depends'])).trim(),
      'nodejs (>= 20.19), nginx, nftables | iptables',
    );
  });

  test('dpkg installs it into another root, where it works, and removes it without a trace', async () => {
    const other = join(folder, 'root');
    for (const name of ['info', 'updates'])
      await mkdir(join(other, 'var/lib/dpkg', name), { recursive: true });
    await writeFile(join(other, 'var/lib/dpkg/status'), '');
    const dpkg = ['dpkg', `--root=${other}`, '--force-depends', '--force-script-chrootless'];
    const log = `--log=${join(folder, 'dpkg.log')}`;
    await ok([...dpkg, log, '--install', deb]);
    const man = await readFile(join(other, 'usr/share/man/man1/portcullis.1.gz'));
    await worksAs(join(other, 'usr/bin/portcullis'), gunzipSync(man).toString());
    await ok([...dpkg, log, '--remove', 'portcullis']);
    await assert.rejects(stat(join(other, 'usr/lib/portcullis')), { code: 'ENOENT' });
  });
});
