/** What can be said of the Dockerfile and the Compose files without Docker. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { createCandidates } from '../../src/app/candidates.ts';
import { desireOffline } from '../../src/app/offline.ts';
import { readContainers } from '../../src/core/docker/detect-shape.ts';
import { isObject } from '../../src/core/docker/reader.ts';
import { loadSettings } from '../../src/settings.ts';

const root = packageRoot();
const textOf = (name: string): Promise<string> => readFile(join(root, name), 'utf8');

for (const file of ['compose.yaml', 'compose.socket-proxy.yaml']) {
  test(`${file}: names settings and labels that there are, and services that can be served`, async () => {
    const compose: unknown = parse(await textOf(file));
    assert.ok(isObject(compose) && isObject(compose['services']));
    const { portcullis } = compose['services'];
    assert.ok(isObject(portcullis) && isObject(portcullis['environment']));
    const env = Object.fromEntries(
      Object.entries(portcullis['environment']).map(([name, value]) => [name, String(value)]),
    );
    const { settings, warnings } = await loadSettings({ file: undefined, env });
    assert.deepEqual(warnings, []);
    const { containers } = readContainers({ name: 'shown', ...compose });
    const { files, problems } = await desireOffline(
      createCandidates(settings)(containers),
      settings,
      settings.nginx.dir,
    );
    // Of shop Docker chooses the port: without Docker it has none.
    assert.deepEqual(
      problems.map(({ container, reason }) => [container, reason.split(':')[0]]),
      [['shown-shop-1', 'publishes no TCP port']],
    );
    const sites = [...files.keys()].filter((path) => path.startsWith('sites/'));
    assert.deepEqual(sites, ['sites/service-8080.example.com.conf']);
  });
}

test('Dockerfile: what it copies is in the repository, and let in by .dockerignore', async () => {
  const letIn = (await textOf('.dockerignore'))
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  const copied = (await textOf('Dockerfile'))
    .split('\n')
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(' ').slice(1, -1))
    .filter((source) => source !== '.');
  assert.ok(copied.length > 0);
  for (const path of [...letIn, ...copied]) assert.ok(existsSync(join(root, path)), path);
  for (const path of copied) {
    assert.ok(
      letIn.some((each) => path === each || path.startsWith(`${each}/`)),
      path,
    );
  }
});

test('every image of others is named with a version', async () => {
  const texts = await Promise.all(
    ['Dockerfile', 'compose.yaml', 'compose.socket-proxy.yaml'].map(textOf),
  );
  const images = [...texts.join('\n').matchAll(/^(?:ARG \w+_IMAGE=| +image: )(\S+)$/gm)]
    .map(([, image = '']) => image)
    .filter((image) => !/^portcullis(?::|$)/.test(image));
  assert.ok(images.length >= 6);
  for (const image of images) assert.match(image, /:(?!latest$)\S+$/);
});
