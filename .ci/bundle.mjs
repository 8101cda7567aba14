// Bundles src/cli.ts to dist/: one file loads in half the time of hundreds, and with V8's code cache
// beside it in half of that again.
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

// docker-modem and dockerode require ssh2 and gRPC at their top. Few need them and reading them costs
// 70 ms, so each becomes a file of its own that is loaded on use.
const LATE = [
  {
    file: /docker-modem[\\/]lib[\\/]modem\.js$/,
    name: 'ssh',
    module: './ssh',
    entry: 'docker-modem/lib/ssh.js',
    output: 'docker-ssh.cjs',
  },
  {
    file: /dockerode[\\/]lib[\\/]docker\.js$/,
    name: 'withSession',
    module: './session',
    entry: 'dockerode/lib/session.js',
    output: 'docker-session.cjs',
  },
];

const lateRequires = {
  name: 'late-requires',
  setup({ onLoad, onResolve, onEnd }) {
    const patched = new Set();
    for (const { file, name, module, output } of LATE) {
      const from = `${name} = require('${module}')`;
      onResolve({ filter: new RegExp(`${output}$`) }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: file }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        if (!source.includes(from))
          throw new Error(`${path}: the line to load late is gone: ${from}`);
        patched.add(name);
        const late = `${name} = (...args) => require('./${output}')(...args)`;
        return { contents: source.replace(from, late), loader: 'js' };
      });
    }
    onEnd(() => {
      for (const { name } of LATE)
        if (!patched.has(name)) throw new Error(`nothing loaded ${name}`);
    });
  },
};

await rm('dist', { recursive: true, force: true });
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: ['cpu-features', '*.node'],
  legalComments: 'linked',
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: ['src/cli.ts'],
  outfile: 'dist/portcullis.cjs',
  define: { 'import.meta.dirname': '__dirname' },
  // The function that Node makes of every script, made here: what is read is what is compiled.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  minifyWhitespace: true,
  plugins: [lateRequires],
});
for (const { entry, output } of LATE) {
  await build({ ...common, entryPoints: [`node_modules/${entry}`], outfile: `dist/${output}` });
}
// The program is an ES module in src/, but starts faster as a script.
await writeFile('dist/package.json', '{ "type": "commonjs" }\n');
await copyFile('.ci/start.cjs', 'dist/cli.js');
await chmod('dist/cli.js', 0o755);
execFileSync(process.execPath, ['.ci/warm.cjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
await writeFile('dist/portcullis.1', execFileSync(process.execPath, ['dist/cli.js', 'man-page']));
