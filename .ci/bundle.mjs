// Bundles src/cli.ts to dist/: one file loads in half the time of hundreds, and with V8's code cache
// beside it in half of that again.
import { execFileSync } from 'node:child_process';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

// docker-modem and dockerode require ssh2 and gRPC at their top. Nothing here calls them, and reading
// them costs 70 ms.
const UNUSED = [
  { file: /docker-modem[\\/]lib[\\/]modem\.js$/, name: 'ssh', module: './ssh' },
  { file: /dockerode[\\/]lib[\\/]docker\.js$/, name: 'withSession', module: './session' },
];

const withoutUnused = {
  name: 'without-unused',
  setup({ onLoad, onEnd }) {
    const patched = new Set();
    for (const { file, name, module } of UNUSED) {
      const from = `${name} = require('${module}')`;
      onLoad({ filter: file }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        if (!source.includes(from))
          throw new Error(`${path}: the line to leave out is gone: ${from}`);
        patched.add(name);
        return { contents: source.replace(from, `${name} = undefined`), loader: 'js' };
      });
    }
    onEnd(() => {
      for (const { name } of UNUSED)
        if (!patched.has(name)) throw new Error(`nothing loaded ${name}`);
    });
  },
};

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli.ts'],
  outfile: 'dist/portcullis.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  legalComments: 'linked',
  logLevel: 'warning',
  define: { 'import.meta.dirname': '__dirname' },
  // The function that Node makes of every script, made here: what is read is what is compiled.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  minifyWhitespace: true,
  plugins: [withoutUnused],
});
// The program is an ES module in src/, but starts faster as a script.
await writeFile('dist/package.json', '{ "type": "commonjs" }\n');
await copyFile('.ci/start.cjs', 'dist/cli.js');
await chmod('dist/cli.js', 0o755);
execFileSync(process.execPath, ['.ci/warm.cjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
await writeFile('dist/portcullis.1', execFileSync(process.execPath, ['dist/cli.js', 'man-page']));
