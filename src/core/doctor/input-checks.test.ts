import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from '../testing/container.ts';
import type { Fact } from './check.ts';
import { inputChecks, type InputFacts } from './input-checks.ts';

const known = <T>(value: T): Fact<T> => ({ known: true, value });
const unknown = (why: string): Fact<never> => ({ known: false, why });
const places = { label_prefix: 'portcullis', template_dir: '/t', snippet_dir: '/s' };
const asking = container('web', { labels: { 'portcullis.template': 'shop' } });
const good: InputFacts = {
  containers: known([asking]),
  hosts: known(['shop.example.com', '*.wild.example']),
  templates: known(['maintenance.html.ejs', 'shop.conf.ejs', 'README.md']),
  snippets: ['+.wild.example.conf', 'default.conf', 'shop.example.com.location.conf', 'README'],
};
const labelled = (label: string): InputFacts['containers'] =>
  known([asking, container('lost', { labels: { [label]: 'true' } })]);
const UNUSED =
  'in /t is not used: it takes the place of no template, and no label asks for it. fix:';

const CASES: readonly [title: string, facts: Partial<InputFacts>, told: readonly string[]][] = [
  ['all is used', {}, []],
  [
    'a prefix with a slip',
    { containers: labelled('portculis.host') },
    [
      'warning labels: container lost has the label portculis.host, which is not read. fix: write portcullis.host, if that is meant',
    ],
  ],
  [
    'the prefix alone',
    { containers: labelled('portcullis') },
    [
      'warning labels: container lost has the label portcullis, which is not read. fix: write portcullis.enable, if that is meant',
    ],
  ],
  [
    'Docker does not answer',
    { containers: unknown('no answer'), hosts: unknown('no answer') },
    [
      'not checked labels: no answer',
      'not checked templates: no answer',
      'not checked snippets: no answer',
    ],
  ],
  ['no snippets, and no host is known', { hosts: unknown('no answer'), snippets: [] }, []],
  [
    'a template that cannot be used',
    { templates: unknown('a template in /t cannot be used: site.conf.ejs does not compile') },
    [
      'problem templates: a template in /t cannot be used: site.conf.ejs does not compile. fix: correct it, or set template_dir to ""',
    ],
  ],
  [
    'an override with a slip',
    { templates: known(['sites.conf.ejs']) },
    [
      `warning templates: sites.conf.ejs ${UNUSED} mv /t/sites.conf.ejs /t/site.conf.ejs, if that is meant, or ask for it with the label portcullis.template=sites`,
    ],
  ],
  [
    'an override with another ending',
    { templates: known(['site.conf']) },
    [`warning templates: site.conf ${UNUSED} mv /t/site.conf /t/site.conf.ejs, if that is meant`],
  ],
  [
    'a template of a label with a slip',
    { templates: known(['shopp.conf.ejs']) },
    [
      `warning templates: shopp.conf.ejs ${UNUSED} mv /t/shopp.conf.ejs /t/shop.conf.ejs, if that is meant, or ask for it with the label portcullis.template=shopp`,
    ],
  ],
  [
    'a template that is like no other',
    { templates: known(['plain.conf.ejs']) },
    [
      `warning templates: plain.conf.ejs ${UNUSED} ask for it with the label portcullis.template=plain`,
    ],
  ],
  [
    'a snippet with a slip',
    { snippets: ['shopp.example.com.conf'] },
    [
      'warning snippets: shopp.example.com.conf in /s is not used: no site has that name now. fix: mv /s/shopp.example.com.conf /s/shop.example.com.conf, if that is meant',
    ],
  ],
  [
    'a snippet for all with a slip',
    { snippets: ['defualt.location.conf'] },
    [
      'warning snippets: defualt.location.conf in /s is not used: no site has that name now. fix: mv /s/defualt.location.conf /s/default.location.conf, if that is meant',
    ],
  ],
  [
    'a snippet of a host that is like no other',
    { snippets: ['blog.example.org.conf'] },
    [
      'warning snippets: blog.example.org.conf in /s is not used: no site has that name now. fix: start the container of that host, or take the file away',
    ],
  ],
];

for (const [title, facts, told] of CASES) {
  test(`inputChecks(): ${title}`, () => {
    const checks = inputChecks({ ...good, ...facts }, places);
    assert.deepEqual(
      checks
        .filter(({ state }) => state !== 'ok')
        .map(
          ({ state, name, what, fix }) => `${state} ${name}: ${what}${fix ? `. fix: ${fix}` : ''}`,
        ),
      told,
    );
  });
}
