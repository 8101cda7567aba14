// Bundles src/cli.ts to dist/: one file loads in half the time of hundreds.
import { chmod, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

// docker-modem and dockerode require ssh2 and gRPC at their top; both are needed by few and cost 70 ms.
const LATE = [
  {
    file: /docker-modem[\\/]lib[\\/]modem\.js$/,
    from: "ssh = require('./ssh')",
    name: 'ssh',
    module: './ssh',
  },
  {
    file: /dockerode[\\/]lib[\\/]docker\.js$/,
    from: "withSession = require('./session')",
    name: 'withSession',
    module: './session',
  },
];

const lateRequires = {
  name: 'late-requires',
  setup({ onLoad, onEnd }) {
    const patched = new Set();
    for (const { file, from, name, module } of LATE) {
      onLoad({ filter: file }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        if (!source.includes(from))
          throw new Error(`${path}: the line to load late is gone: ${from}`);
        patched.add(name);
        const late = `${name} = (...args) => require('${module}')(...args)`;
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
await chmod('dist/cli.js', 0o755);
