import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('cli.js', import.meta.url));

test('the command line: what cannot be printed is told in one line', (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'man-page'], {
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe'],
  });
  assert.equal(stderr, 'portcullis: cannot write to standard output: no space left (ENOSPC)\n');
  assert.equal(status, 1);
});

for (const [name, key] of [
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
]) {
  test(`the command line: ${name} answers a question with no`, async () => {
    const command = `'${process.execPath}' '${CLI}' firewall remove`;
    const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null']);
    let shown = '';
    let asked = false;
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (asked || !shown.includes('[y/N]')) return;
      asked = true;
      terminal.stdin.write(key);
    });
    await once(terminal, 'close');
    assert.match(shown, /\[y\/N\][^\n]*\r\nnothing was changed\r\n$/);
    assert.equal(terminal.exitCode, 0);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'portcullis-cli-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const containers = at('containers.json');
writeFileSync(containers, '[]');
writeFileSync(at('folder.yaml'), `nginx: { config: ${folder}, dir: ${folder}/nginx }\n`);
writeFileSync(at('plain'), '');
symlinkSync('nowhere', at('dangling'));

writeFileSync(
  at('mail.json'),
  JSON.stringify({
    name: 'lab',
    services: {
      mail: {
        image: 'mail',
        ports: [{ target: 25, published: '25', protocol: 'tcp' }],
        labels: { 'portcullis.public': '26/tcp' },
      },
    },
  }),
);

test('the command line: a log that cannot be written ends nothing', (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const { status, stdout } = spawnSync(
    process.execPath,
    [CLI, 'generate', '--dry-run', '--from', at('mail.json')],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', full] },
  );
  assert.match(stdout, /service-25\.example\.com/);
  assert.equal(status, 4);
});
const UNGRANTED =
  'warning: container lab-mail-1: label portcullis.public names 26/tcp, which the container does not publish (it publishes 25/tcp); name a published host port';

const empty = (flags: string, what = 'a file'): string =>
  `error: option '${flags}' argument '' is invalid. It must be the path of ${what}.`;
const asked = "error: command-argument value '$' is invalid for argument 'host|container|port'.";

/** No Docker is there: what says so was asked too early. */
const WRONG: readonly [args: readonly string[], code: 1 | 2 | 4, ...told: readonly string[]][] = [
  [['init', '--undo', '--enable'], 2, "'--enable' cannot be used with option '--undo'"],
  [['init', '--enable', '--no-units'], 2, "'--enable' cannot be used with option '--no-units'"],
  [['generate', '--from', ''], 2, empty('--from <file>')],
  [['generate', '--out', ''], 2, empty('--out <dir>', 'a folder')],
  [['routes', '--from', ''], 2, empty('--from <file>')],
  [['audit', '--compare-nmap', ''], 2, empty('--compare-nmap <file.xml>')],
  [['-c', '', 'routes'], 2, empty('-c, --config <file>')],
  [['routes', '--from', folder], 1, `portcullis: ${folder}: is a folder, not a file`],
  [['-c', folder, 'routes'], 2, `portcullis: ${folder}: is a folder, not a file`],
  [
    ['audit', '--compare-nmap', at('none.xml')],
    2,
    `portcullis: --compare-nmap ${at('none.xml')}: there is no such file`,
  ],
  [
    ['-c', at('folder.yaml'), 'generate', '--from', containers],
    1,
    `portcullis: ${folder}: is a folder, not a file; nginx.config must be the file that Nginx is started with`,
  ],
  [
    ['generate', '--from', containers, '--out', at('plain')],
    1,
    `portcullis: --out ${at('plain')}: cannot be written (ENOTDIR): a file is where a folder must be: move it away, or choose another folder`,
  ],
  [
    ['generate', '--from', containers, '--out', at('dangling')],
    1,
    `portcullis: --out ${at('dangling')}: cannot be written (ENOENT): no folder can be made there: choose another one`,
  ],
  [['routes', '--from', at('mail.json')], 4, UNGRANTED],
  [['generate', '--from', at('mail.json'), '--dry-run'], 4, UNGRANTED],
  [['explain', ''], 2, asked.replace('$', ''), 'It must be a host, a container or a port.'],
  [['explain', '0'], 2, asked.replace('$', '0'), 'A port is from 1 to 65535.'],
  [['explain', '99999'], 2, asked.replace('$', '99999'), 'A port is from 1 to 65535.'],
  [['generat'], 2, "error: unknown command 'generat'\n(Did you mean generate?)"],
  [['help', 'generat'], 2, "error: unknown command 'generat'\n(Did you mean generate?)"],
  [['firewall', 'help', 'shw'], 2, "error: unknown command 'shw'\n(Did you mean show?)"],
  [['--docker', 'ssh://a', 'routes'], 2, 'portcullis: the Docker address must be like unix://'],
];

for (const [args, code, ...told] of WRONG) {
  test(`the command line: ${args.join(' ')}`, () => {
    const env = { ...process.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      encoding: 'utf8',
      env,
    });
    for (const text of told) assert.ok(stderr.includes(text), stderr);
    assert.ok(!/Warning|\/nonexistent/.test(stderr), stderr);
    assert.equal(status, code);
  });
}

for (const [args, first] of [
  [['help'], 'Usage: portcullis [options] [command]\n'],
  [['help', 'generate'], 'Usage: portcullis generate [options]\n'],
  [['firewall', 'help', 'show'], 'Usage: portcullis firewall show [options]\n'],
] as const) {
  test(`the command line: ${args.join(' ')} is no failure`, () => {
    const { status, stdout } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    assert.ok(stdout.startsWith(first), stdout);
    assert.equal(status, 0);
  });
}
