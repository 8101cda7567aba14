import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks } from './nginx-blocks.ts';
import { planInclude, withoutIncludeLine } from './include-plan.ts';

const entryPath = '/etc/nginx/portcullis/portcullis.conf';
const configPath = '/etc/nginx/nginx.conf';
const facts = {
  configPath,
  configText: 'http {\n}\n',
  included: false,
  httpIncludes: [],
  entryPath,
};

const LINKS: readonly [layout: string, httpIncludes: readonly string[], path: string][] = [
  [
    'Debian',
    ['/etc/nginx/mime.types', '/etc/nginx/conf.d/*.conf', '/etc/nginx/sites-enabled/*'],
    '/etc/nginx/conf.d/portcullis.conf',
  ],
  [
    'Alpine',
    ['/etc/nginx/mime.types', '/etc/nginx/http.d/*.conf'],
    '/etc/nginx/http.d/portcullis.conf',
  ],
  [
    'only sites-enabled',
    ['/etc/nginx/sites-enabled/*'],
    '/etc/nginx/sites-enabled/portcullis.conf',
  ],
];

for (const [layout, httpIncludes, path] of LINKS) {
  test(`planInclude(): a link on ${layout}`, () => {
    assert.deepEqual(planInclude({ ...facts, httpIncludes }), {
      kind: 'link',
      path,
      target: entryPath,
    });
  });
}

test('planInclude(): nothing to do where the entry is read already', () => {
  assert.deepEqual(planInclude({ ...facts, included: true }), { kind: 'already' });
});

test('planInclude(): one line where no folder is read, and back again byte for byte', () => {
  const configText = '# http {\nevents {}\nhttp { # mine\n  server_tokens off;\r\n}\n';
  const plan = planInclude({ ...facts, configText });
  assert.ok(plan.kind === 'line');
  assert.equal(
    plan.after,
    `# http {\nevents {}\nhttp {\n    include ${entryPath}; # put here by "portcullis init" # mine\n  server_tokens off;\r\n}\n`,
  );
  assert.equal(withoutIncludeLine(plan.after, entryPath), configText);
});

test('planInclude(): only the http block itself is taken for it', () => {
  const before = 'log "http {";\nmap $a $http {\n  x http;\n}\n';
  const plan = planInclude({ ...facts, configText: `${before}http{}\n` });
  assert.ok(plan.kind === 'line');
  assert.ok(plan.after.startsWith(`${before}http{\n    include `), plan.after);
});

for (const block of ['http { }', 'http{server { listen 1; }} # all', 'http { a b; # c\n}']) {
  test(`planInclude(): what follows on the line stays no comment, and comes back: ${JSON.stringify(block)}`, () => {
    const configText = `events {}\n${block}\n`;
    const plan = planInclude({ ...facts, configText });
    assert.ok(plan.kind === 'line');
    const [, http] = readBlocks(plan.after);
    const [include, ...others] = http?.children ?? [];
    assert.deepEqual([include?.name, include?.args], ['include', [entryPath]]);
    assert.deepEqual(
      others.map(({ name }) => name),
      readBlocks(configText)[1]?.children?.map(({ name }) => name),
    );
    assert.equal(withoutIncludeLine(plan.after, entryPath), configText);
  });
}

test('planInclude(): a configuration without an http block is told', () => {
  const plan = planInclude({ ...facts, configText: 'events {}\n' });
  assert.deepEqual(plan, {
    kind: 'impossible',
    reason: '/etc/nginx/nginx.conf has no http block to include anything in',
  });
});
