import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manPage } from '../core/man-page.ts';
import { settingKeys } from '../core/settings-keys.ts';
import { buildProgram } from '../program.ts';
import { manPageOf } from './man-page.ts';

const plain = (page: string): string => page.replaceAll('\\-', '-');

test('the manual page has every command that --help lists, and every option of each', async () => {
  const program = buildProgram();
  const page = plain(await manPageOf(program));
  const help = program.createHelp();
  for (const command of help.visibleCommands(program)) {
    if (command.name() === 'help') continue;
    assert.match(page, new RegExp(`^\\.SS ${command.name()}\\b`, 'm'));
    for (const { flags } of help.visibleOptions(command)) {
      if (!flags.includes('--help')) assert.ok(page.includes(flags), `${command.name()} ${flags}`);
    }
  }
  assert.doesNotMatch(page, /man-page|watch-unit|stranger/);
});

test('the manual page has every setting, with what it means, its default and its values', async () => {
  const page = plain(await manPageOf(buildProgram()));
  for (const { key, default: byDefault, choices } of settingKeys()) {
    const [, meaning = '', facts = ''] =
      new RegExp(`^\\.B ${key}\n(.+)\n\\.br\n(.+)$`, 'm').exec(page) ?? [];
    assert.notEqual(meaning, '', key);
    const values = choices ? `; one of ${choices.join(', ')}` : '';
    assert.equal(facts, `Default: ${byDefault || 'empty'}${values}`, key);
  }
});

test('manPage(): what troff would obey is text', () => {
  const page = manPage({
    program: 'x',
    version: '1',
    description: '.so /etc/passwd',
    options: [{ flags: '--a', description: "'ig \\*[x]" }],
    commands: [],
    settings: [],
  });
  assert.match(page, /^x \\- \\&\.so \/etc\/passwd$/m);
  assert.match(page, /^\\&'ig \\e\*\[x\]$/m);
});
