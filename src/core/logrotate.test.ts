import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logrotateText, rotatedBy } from './logrotate.ts';

const cases: readonly [title: string, text: string, patterns: readonly string[]][] = [
  [
    'as Debian’s for Nginx',
    '/var/log/nginx/*.log {\n\tdaily\n\tprerotate\n\t\tif [ -d /etc/x ]; then \\\n\t\t\trun-parts /etc/x; \\\n\t\tfi \\\n\tendscript\n}\n',
    ['/var/log/nginx/*.log'],
  ],
  [
    'several logs, over lines, one quoted',
    'weekly\n/a.log "/b c.log"\n/d.log\n{\n daily\n}\n',
    ['/a.log', '/b c.log', '/d.log'],
  ],
  ['two blocks', '/a {\n}\n/b { rotate 1 }\n/c {\n}\n', ['/a', '/b', '/c']],
  ['nothing but directives', 'weekly\ninclude /etc/logrotate.d\n# /a {\n', []],
  ['our own', logrotateText('/srv/log/access.log', '/run/nginx.pid'), ['/srv/log/access.log']],
];

for (const [title, text, patterns] of cases) {
  test(`rotatedBy(): ${title}`, () => assert.deepEqual(rotatedBy(text), patterns));
}
