/** Labels and files that have no effect, most likely for a slip in their name. */
import { nearLabels } from '../labels/near-labels.ts';
import { parseLabels } from '../labels/parse-labels.ts';
import type { Container } from '../model.ts';
import { hostStem } from '../names.ts';
import { shownName } from '../problem-text.ts';
import type { Settings } from '../settings-schema.ts';
import { TEMPLATE_FILES, TEMPLATE_SUFFIX } from '../template-files.ts';
import { typoOf } from '../typo.ts';
import { notChecked, ok, problem, warning, type Check, type Fact } from './check.ts';

export type InputFacts = {
  readonly containers: Fact<readonly Container[]>;
  /** Hosts that labels ask for, served or not. */
  readonly hosts: Fact<readonly string[]>;
  /** Names of the files in template_dir; not known: why no template there can be used. */
  readonly templates: Fact<readonly string[]>;
  /** Names of the files in snippet_dir. */
  readonly snippets: readonly string[];
};

type Places = Pick<Settings, 'label_prefix' | 'template_dir' | 'snippet_dir'>;

export function inputChecks(facts: InputFacts, places: Places): readonly Check[] {
  return [
    ...labels(facts, places),
    ...(places.template_dir === '' ? [] : templates(facts, places)),
    ...snippets(facts, places),
  ];
}

function labels({ containers }: InputFacts, { label_prefix }: Places): readonly Check[] {
  const name = 'labels';
  if (!containers.known) return [notChecked(name, containers.why)];
  const near = containers.value.flatMap((container) =>
    nearLabels(container.labels, label_prefix).map(({ label, meant }) =>
      warning(
        name,
        `container ${shownName(container.name)} has the label ${shownName(label)}, which is not read`,
        `write ${shownName(meant)}, if that is meant`,
      ),
    ),
  );
  return near.length > 0 ? near : [ok(name, `none looks like "${label_prefix}." misspelled`)];
}

function templates(facts: InputFacts, { template_dir, label_prefix }: Places): readonly Check[] {
  const name = 'templates';
  if (!facts.templates.known) {
    return [problem(name, facts.templates.why, 'correct it, or set template_dir to ""')];
  }
  if (!facts.containers.known) return [notChecked(name, facts.containers.why)];
  const asked = facts.containers.value.flatMap((container) =>
    parseLabels(container, label_prefix).routes.flatMap(({ options }) =>
      options.template === undefined ? [] : [`${options.template}${TEMPLATE_SUFFIX}`],
    ),
  );
  const known = [...TEMPLATE_FILES, ...asked];
  const unused = facts.templates.value.flatMap((file): readonly Check[] => {
    const near = nearTemplate(file, known);
    if (known.includes(file) || (near === undefined && !file.endsWith('.ejs'))) return [];
    const isNamed = file.endsWith(TEMPLATE_SUFFIX);
    const label = `${label_prefix}.template=${file.slice(0, -TEMPLATE_SUFFIX.length)}`;
    const fixes = [
      ...(near === undefined ? [] : [renaming(template_dir, file, near)]),
      ...(isNamed ? [`ask for it with the label ${label}`] : []),
    ];
    const what = `${shownName(file)} in ${template_dir} is not used: it takes the place of no template, and no label asks for it`;
    const fix = fixes.join(', or ') || `rename it: ${TEMPLATE_FILES.join(', ')} are known`;
    return [warning(name, what, fix)];
  });
  return unused.length > 0 ? unused : [ok(name, `each file in ${template_dir} is used`)];
}

/** By what stands before the first dot, or two names would be alike by their endings. */
function nearTemplate(file: string, known: readonly string[]): string | undefined {
  const stem = (name: string): string =>
    name.endsWith(TEMPLATE_SUFFIX) ? name.slice(0, -TEMPLATE_SUFFIX.length) : firstOf(name);
  const own = stem(file);
  return known.find((each) => stem(each) === (typoOf(own, known.map(stem)) ?? own));
}

const firstOf = (name: string): string => /^[^.]*/.exec(name)?.[0] ?? name;

function snippets(facts: InputFacts, { snippet_dir }: Places): readonly Check[] {
  const name = 'snippets';
  const files = facts.snippets.filter((file) => file.endsWith('.conf'));
  if (files.length === 0) return [];
  if (!facts.hosts.known) return [notChecked(name, facts.hosts.why)];
  const known = ['default', ...facts.hosts.value.map(hostStem)];
  const unused = files.flatMap((file): readonly Check[] => {
    const [, stem = '', suffix = ''] = /^(.*?)((?:\.location)?\.conf)$/.exec(file) ?? [];
    if (known.includes(stem)) return [];
    const near = typoOf(stem, known);
    const what = `${shownName(file)} in ${snippet_dir} is not used: no site has that name now`;
    const fix =
      near === undefined
        ? `start the container of that host, or take the file away`
        : renaming(snippet_dir, file, `${near}${suffix}`);
    return [warning(name, what, fix)];
  });
  return unused.length > 0 ? unused : [ok(name, `each file in ${snippet_dir} is used`)];
}

const renaming = (folder: string, from: string, to: string): string =>
  `mv ${folder}/${shownName(from)} ${folder}/${shownName(to)}, if that is meant`;
