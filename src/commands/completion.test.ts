import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { buildProgram } from '../program.ts';

/** What `completion <shell>` prints. */
async function script(t: TestContext, shell: string): Promise<string> {
  const written: string[] = [];
  // The runner of the tests writes there too: bytes, which must get through.
  const real = process.stdout.write.bind(process.stdout);
  const write = t.mock.method(process.stdout, 'write', (text: string | Uint8Array) =>
    typeof text === 'string' ? written.push(text) > 0 : real(text),
  );
  try {
    await buildProgram().parseAsync(['node', 'portcullis', 'completion', shell]);
  } finally {
    write.mock.restore();
  }
  return written.join('');
}

/** Really completed: the words that bash would offer after `line`. */
async function offered(t: TestContext, line: string): Promise<readonly string[]> {
  const words = line.split(' ');
  const { stdout, stderr } = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `${await script(t, 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_portcullis
printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    { encoding: 'utf8' },
  );
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean).toSorted();
}

for (const [line, expected] of [
  ['portcullis ge', ['generate']],
  [
    'portcullis firewall ',
    ['--help', '--json', '--yes', '-h', '-y', 'apply', 'check', 'remove', 'show'],
  ],
  ['portcullis audit --format s', ['sarif']],
  ['portcullis --log-level w', ['warn']],
  ['portcullis completion ', ['--help', '-h', 'bash', 'fish', 'zsh']],
  ['portcullis generate --from /etc/host', ['/etc/host.conf', '/etc/hostname', '/etc/hosts']],
] as const) {
  test(`completion bash: ${line}`, async (t) => {
    const words = await offered(t, line);
    if (line.includes('/etc')) assert.ok(words.includes('/etc/hosts'), words.join());
    else assert.deepEqual(words, [...expected]);
  });
}

test('completion: no hidden command in any shell, every visible one in each', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(t, shell);
    assert.doesNotMatch(text, /stranger/);
    for (const name of [
      'generate',
      'watch',
      'routes',
      'firewall',
      'audit',
      'explain',
      'status',
      'doctor',
      'init',
      'undo',
      'completion',
    ]) {
      assert.match(text, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
    }
  }
});
