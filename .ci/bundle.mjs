// Bundles src/cli.ts to dist/: one file loads in half the time of hundreds.
import { chmod, readFile, rm } from 'node:fs/promises';
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
await build({
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  external: ['cpu-features', '*.node'],
  legalComments: 'linked',
  sourcemap: false,
  plugins: [lateRequires],
  banner: {
    js: [
      "import { createRequire as portcullisRequire } from 'node:module';",
      'const require = portcullisRequire(import.meta.url);',
      'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
    ].join('\n'),
  },
  logLevel: 'warning',
});
for (const { entry, output } of LATE) {
  await build({
    entryPoints: [`node_modules/${entry}`],
    outfile: `dist/${output}`,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    external: ['cpu-features', '*.node'],
    legalComments: 'linked',
    logLevel: 'warning',
  });
}
await chmod('dist/cli.js', 0o755);
