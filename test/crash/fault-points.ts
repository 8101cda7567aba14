/**
 * Preloaded (`NODE_OPTIONS=--import …`): counts what this process does to the world outside it, and dies by
 * SIGKILL at one of these points. A point lies before and after each change of a file, in the middle of
 * each text that is written, and at the start, the input and the end of each child process.
 *
 *   FAULT_AT    the number of the point to die at; 0 or nothing: none
 *   FAULT_LOG   file that each point is written to as it is reached, as "<number> <name>"
 *   FAULT_ON    `SIGUSR2`: count from that signal on, not from the start
 *   FAULT_HIDE  folder that is cut off from the names
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

// oxlint-disable-next-line typescript/no-explicit-any -- any function of Node's, whatever it takes
type Act = (...args: any[]) => unknown;

const { FAULT_AT, FAULT_LOG, FAULT_ON, FAULT_HIDE = '' } = process.env;
const at = Number(FAULT_AT ?? 0);
const kill = process.kill.bind(process);
const { openSync, writeSync, writeFileSync } = fs;
const log = FAULT_LOG === undefined ? undefined : openSync(FAULT_LOG, 'a');
let counting = FAULT_ON === undefined;
let reached = 0;

const shown = (value: unknown): string =>
  String(value).replace(`${FAULT_HIDE}/`, '').replaceAll(FAULT_HIDE, '.');

function point(name: string): void {
  if (!counting) return;
  reached += 1;
  if (log !== undefined) writeSync(log, `${reached} ${name}\n`);
  if (reached !== at) return;
  kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // never a step further
}

const isNext = (): boolean => counting && reached + 1 === at;

/** A function of Node's as a place to put another one. */
function replace(object: object, key: string, by: (original: Act) => Act): void {
  const original: unknown = Reflect.get(object, key);
  if (typeof original !== 'function') throw new Error(`no function ${key}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is a function
  Reflect.set(object, key, by(original as Act));
}

type NameOf = (self: unknown, args: readonly unknown[]) => string | undefined;

function aroundAsync(object: object, key: string, nameOf: NameOf): void {
  replace(
    object,
    key,
    (original) =>
      async function around(this: unknown, ...args: unknown[]) {
        const name = nameOf(this, args);
        if (name === undefined) return original.apply(this, args);
        point(`before ${name}`);
        const result = await original.apply(this, args);
        point(`after ${name}`);
        return result;
      },
  );
}

function aroundSync(object: object, key: string, nameOf: NameOf): void {
  replace(
    object,
    key,
    (original) =>
      function around(this: unknown, ...args: unknown[]) {
        const name = nameOf(this, args);
        if (name === undefined) return original.apply(this, args);
        point(`before ${name}`);
        const result = original.apply(this, args);
        point(`after ${name}`);
        return result;
      },
  );
}

const named =
  (what: string, count = 1): NameOf =>
  (_self, args) =>
    [what, ...args.slice(0, count).map(shown)].join(' ');

const isForWriting = (flags: unknown): boolean =>
  typeof flags === 'string' ? /[wa+]/.test(flags) : (Number(flags) & fs.constants.O_CREAT) !== 0;

const CHANGES: Readonly<Record<string, number>> = {
  mkdir: 1,
  rename: 2,
  rm: 1,
  rmdir: 1,
  unlink: 1,
  symlink: 2,
  link: 2,
  chmod: 1,
  chown: 1,
  truncate: 1,
};
for (const [name, paths] of Object.entries(CHANGES)) {
  aroundAsync(fs.promises, name, named(name, paths));
  aroundSync(fs, `${name}Sync`, named(name, paths));
}
for (const name of ['fchmodSync', 'fchownSync']) aroundSync(fs, name, () => name);
aroundSync(fs, 'openSync', (_self, [path, flags]) =>
  isForWriting(flags) ? `open ${shown(path)}` : undefined,
);

/** Half of a text, as a crash in the middle leaves it. */
const halfOf = (text: unknown): string => String(text).slice(0, String(text).length / 2);

replace(
  fs.promises,
  'writeFile',
  (original) =>
    async function writeFile(this: unknown, ...args: unknown[]) {
      const [path, text] = args;
      const name = `write ${shown(path)}`;
      point(`before ${name}`);
      if (isNext() && typeof path === 'string') writeFileSync(path, halfOf(text));
      point(`half of ${name}`);
      await original.apply(this, args);
      point(`after ${name}`);
    },
);

const paths = new WeakMap<object, string>();
type Handle = { readonly fd: number };

replace(
  fs.promises,
  'open',
  (original) =>
    async function open(this: unknown, ...args: unknown[]) {
      const [path, flags] = args;
      if (isForWriting(flags)) point(`before open ${shown(path)}`);
      const handle: unknown = await original.apply(this, args);
      if (typeof handle === 'object' && handle !== null) paths.set(handle, shown(path));
      if (isForWriting(flags)) point(`after open ${shown(path)}`);
      return handle;
    },
);
const any = await fs.promises.open(process.execPath, 'r');
const prototype: unknown = Object.getPrototypeOf(any);
await any.close();
if (typeof prototype !== 'object' || prototype === null) throw new Error('no file handles');
const ofHandle =
  (what: string): NameOf =>
  (self) =>
    `${what} ${(typeof self === 'object' && self && paths.get(self)) || '?'}`;
for (const name of ['sync', 'datasync', 'chmod', 'chown', 'truncate', 'write']) {
  aroundAsync(prototype, name, ofHandle(name));
}
replace(
  prototype,
  'writeFile',
  (original) =>
    async function writeFile(this: Handle, ...args: unknown[]) {
      const name = ofHandle('write')(this, args) ?? '';
      point(`before ${name}`);
      if (isNext()) writeSync(this.fd, halfOf(args[0]));
      point(`half of ${name}`);
      await original.apply(this, args);
      point(`after ${name}`);
    },
);

replace(
  childProcess,
  'spawn',
  (original) =>
    function spawn(this: unknown, ...args: unknown[]) {
      const [command, given] = args;
      const words = Array.isArray(given) ? given.slice(0, 3).map(shown) : [];
      const name = `run ${[basename(String(command)), ...words].join(' ')}`;
      point(`before ${name}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- spawn gives one
      const child = original.apply(this, args) as ChildProcess;
      child.once('close', () => point(`after ${name}`));
      if (child.stdin) {
        replace(
          child.stdin,
          'end',
          (end) =>
            function fed(this: unknown, ...input: unknown[]) {
              const result = end.apply(this, input);
              if (input.length > 0) point(`input of ${name}`);
              return result;
            },
        );
      }
      point(`start of ${name}`);
      return child;
    },
);
aroundSync(process, 'kill', (_self, [pid, signal]) =>
  pid === process.pid || signal === 0 ? undefined : `signal ${String(signal)}`,
);
syncBuiltinESMExports();

if (FAULT_ON === 'SIGUSR2') {
  process.on('SIGUSR2', () => {
    counting = true;
    if (log !== undefined) writeSync(log, '0 counting\n');
  });
}
