import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplates, type TemplateSources } from './render.ts';

const whole: TemplateSources = {
  site: '',
  index: '',
  quarantined: '',
  maintenance: '',
  others: new Map(),
};

const refused: readonly [title: string, sources: Partial<TemplateSources>, message: RegExp][] = [
  [
    'no JavaScript',
    { site: '<% if ( %>' },
    /^site\.conf\.ejs does not compile: Unexpected token [^\n]*$/,
  ],
  [
    'a tag that does not end',
    { index: '<%= x' },
    /^index\.conf\.ejs does not compile: Could not find matching close tag for "<%="\.$/,
  ],
  ['raw output', { quarantined: 'a\n<%- x %>' }, /^quarantined\.conf\.ejs:2: raw output \(<%-\)/],
  [
    'a page that does not compile',
    { maintenance: '<%= if %>' },
    /^maintenance\.html\.ejs does not compile: Unexpected token 'if'$/,
  ],
  [
    'a page that asks for what is not there',
    { maintenance: '<p>\n<%= nosuch %>' },
    /^maintenance\.html\.ejs:2: cannot be rendered: nosuch is not defined$/,
  ],
  [
    'a page that is too long',
    { maintenance: 'x'.repeat(4_001) },
    /^maintenance\.html\.ejs: the page has 4001 bytes, and Nginx takes 4000$/,
  ],
];
for (const [title, sources, message] of refused) {
  test(`compileTemplates(): ${title}: one line that names the file`, () => {
    assert.throws(() => compileTemplates({ ...whole, ...sources }), { message });
  });
}

test('compileTemplates(): a template of a label that does not compile is named with the reason', () => {
  const { names } = compileTemplates({ ...whole, others: new Map([['mine', '<% ( %>']]) });
  assert.match(names.get('mine') ?? '', /^mine\.conf\.ejs does not compile: [^\n]*$/);
});
