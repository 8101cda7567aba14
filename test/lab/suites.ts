/**
 * Runs test files three at a time: many wait more than they work. One that fails beside others, on a
 * small machine that is busy, is run once more by itself: both results are printed, and what fails alone
 * as well has failed.
 * `npm run test:lab`, or `npm run test:lab -- proxy tls` for some of them.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from 'node:test';
import { tap } from 'node:test/reporters';

/** The files of which a test failed. */
async function failing(files: readonly string[], concurrency: number): Promise<readonly string[]> {
  const failed = new Set<string>();
  const stream = run({ files: [...files], concurrency });
  stream.on('test:fail', ({ file, name }) => {
    // By source maps it is the file that was compiled.
    const told = [file, name].map((each) => suiteOf(each ?? ''));
    const at = files.find((each) => told.includes(suiteOf(each)));
    if (at !== undefined) failed.add(at);
    else for (const each of files) failed.add(each); // nobody knows whose
  });
  for await (const text of stream.compose(tap)) process.stdout.write(text);
  return [...failed].toSorted();
}

/** `…/e2e/proxy.test.js`, `…/e2e/proxy.test.ts` -> `proxy` */
const suiteOf = (path: string): string => basename(path).replace(/\.test\.[jt]s$/, '');
const names = (files: readonly string[]): string => files.map(suiteOf).join(', ');

/** Those that take minutes begin first, so that none of them is alone at the end. */
const LONG = [
  'soak',
  'firewall-docker',
  'serve',
  'audit',
  'docker-trouble',
  'dropped',
  'crash',
  'swarm-changes',
  'swarm',
  'firewall-kernel',
];
const rank = (name: string): number => (LONG.indexOf(name) + LONG.length + 1) % (LONG.length + 1);

const folder = join(import.meta.dirname, '..', 'e2e');
const asked = process.argv.slice(2);
const suites = (await readdir(folder))
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => name.slice(0, -'.test.js'.length))
  .filter((name) => asked.length === 0 || asked.includes(name))
  .toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  .map((name) => join(folder, `${name}.test.js`));
if (suites.length === 0) throw new Error(`there is no suite ${asked.join(' ')}`);

const first = await failing(suites, 3);
if (first.length > 0) {
  console.log(`# failed beside another suite, run again by itself: ${names(first)}`);
  const again = await failing(first, 1);
  if (again.length > 0) {
    console.log(`# failed alone as well: ${names(again)}`);
    process.exitCode = 1;
  } else {
    console.log(`# passed alone: ${names(first)}`);
  }
}
