import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks, type LinedBlock } from './nginx-blocks.ts';
import { userFacts, type PlacedBlock, type UserFacts } from './user-config-facts.ts';

const placed = ({ name, args, line, children }: LinedBlock): PlacedBlock => ({
  ...{ name, args, line, file: 'f' },
  ...(children && { children: children.map(placed) }),
});
const factsOf = (text: string): UserFacts => userFacts(readBlocks(text).map(placed));
const inServer = (text: string): UserFacts => factsOf(`http { server { ${text} } }`);

const names: readonly [title: string, text: string, hosts: readonly string[]][] = [
  ['several, lower-cased', 'server_name A.example b.example;', ['a.example', 'b.example']],
  ['two directives', 'server_name a; server_name b;', ['a', 'b']],
  ['quoted', `server_name "a.example" 'b.example';`, ['a.example', 'b.example']],
  ['wildcards', 'server_name *.a.example www.*;', ['*.a.example', 'www.*']],
  ['a leading dot is the name and all below', 'server_name .a;', ['a', '*.a']],
  ['no name at all', 'server_name _ "";', []],
  ['a regular expression keeps its case', 'server_name ~^(?<X>.+)$;', ['~^(?<X>.+)$']],
];

for (const [title, text, hosts] of names) {
  test(`userFacts(): server_name: ${title}`, () => {
    assert.deepEqual(
      inServer(text).claims.map(({ host }) => host),
      hosts,
    );
  });
}

const listens: readonly [text: string, ports: readonly number[]][] = [
  ['', [80]],
  ['listen 8080;', [8080]],
  ['listen 80; listen [::]:80; listen 443 ssl;', [80, 443]],
  ['listen 127.0.0.1;', [80]],
  ['listen localhost:81;', [81]],
  ['listen [::1];', [80]],
  ['listen *:82;', [82]],
  ['listen 90-92;', [90, 91, 92]],
  ['listen unix:/run/x.sock;', []],
];

for (const [text, ports] of listens) {
  test(`userFacts(): ports of "${text}"`, () => {
    const [claim] = inServer(`server_name a; ${text}`).claims;
    assert.deepEqual(claim?.ports, ports);
  });
}

const defaults: readonly [listen: string, keys: readonly string[]][] = [
  ['80 default_server', ['80']],
  ['*:80 default', ['80']],
  ['0.0.0.0:80 default_server', ['80']],
  ['[::]:80 default_server ipv6only=on', ['[::]:80']],
  ['192.0.2.1 default_server', ['192.0.2.1:80']],
  ['443 ssl default_server', ['443']],
  ['80', []],
  ['unix:/run/x.sock default_server', []],
];

for (const [listen, keys] of defaults) {
  test(`userFacts(): default server of "listen ${listen}"`, () => {
    assert.deepEqual([...inServer(`listen ${listen};`).defaultServers.keys()], keys);
  });
}

test('userFacts(): only directives that stand in the http block itself', () => {
  const { httpDirectives } = factsOf(
    'events { a; }\nhttp {\n server_names_hash_max_size 1;\n server { b; } }\nstream { c; }',
  );
  assert.deepEqual(
    [...httpDirectives],
    [
      ['server_names_hash_max_size', { file: 'f', line: 3 }],
      ['server', { file: 'f', line: 4 }],
    ],
  );
});

test('userFacts(): servers of stream and mail claim nothing', () => {
  const { claims } = factsOf('stream { server { server_name a; } } server { server_name b; }');
  assert.deepEqual(claims, []);
});

test('userFacts(): names that may be given once only', () => {
  const { definitions } = factsOf(`http {
    upstream app { server a; }
    map $a $b { x 1; }
    log_format main x;
    limit_req_zone $x zone=one:10m rate=1r/s;
    proxy_cache_path /x keys_zone=two:10m;
    log_format main y;
  }`);
  assert.deepEqual(
    [...definitions].map(([key, { line }]) => `${key} ${line}`),
    ['upstream app 2', 'variable $b 3', 'log_format main 4', 'zone one 5', 'zone two 6'],
  );
});

test('userFacts(): where the master notes its pid, and where it logs', () => {
  const { pidPath, errorLogPath } = factsOf('pid /run/x.pid; error_log /var/log/x warn; http {}');
  assert.deepEqual([pidPath, errorLogPath], ['/run/x.pid', '/var/log/x']);
  assert.equal(factsOf('http { error_log /x; }').errorLogPath, undefined);
});

test('userFacts(): what Nginx writes, at any depth', () => {
  const { writtenFolders } = factsOf(
    'pid /run/n/n.pid; error_log stderr; http { access_log /l/a.log main; proxy_cache_path /c levels=1 keys_zone=z:1m; server { access_log off; location / { access_log /l/m/$host/x.log; client_body_temp_path b; } error_log syslog:server=x/y; } }',
  );
  assert.deepEqual(writtenFolders, ['/run/n', '/l', '/c', '/l/m', 'b']);
});
