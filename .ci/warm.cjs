// Runs the program once, so that the code cache holds the functions that every run needs.
'use strict';
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '..');
const recorded = readFileSync(join(root, 'fixtures', 'docker', '20.10', 'containers.json'));
const folder = mkdtempSync(join(tmpdir(), 'portcullis-build-'));
const socket = join(folder, 'docker.sock');

writeFileSync(join(folder, 'nginx.conf'), `http { include ${folder}/conf.d/*.conf; }\n`);
writeFileSync(
  join(folder, 'portcullis.yaml'),
  `nginx: { dir: ${folder}/portcullis, config: ${folder}/nginx.conf }\nfirewall: { mode: 'off' }\n`,
);
process.stderr.write = () => true; // some of the recorded containers are wrong on purpose
createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(recorded);
})
  .listen(socket, () => {
    const options = ['--config', join(folder, 'portcullis.yaml'), '--docker', `unix://${socket}`];
    process.argv = [process.execPath, 'portcullis', ...options, 'generate', '--check'];
    const script = require(join(root, 'dist', 'cli.js'));
    process.on('exit', () => {
      writeFileSync(join(root, 'dist', 'portcullis.cache'), script.createCachedData());
      rmSync(folder, { recursive: true, force: true });
      process.exitCode = 0;
    });
  })
  .unref();
