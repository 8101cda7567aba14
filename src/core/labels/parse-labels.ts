import { closest, distance } from 'fastest-levenshtein';
import type { Container, Problem } from '../model.ts';
import {
  containerOptions,
  isContainerOption,
  isRouteOption,
  optionNames,
  routeOptions,
  type ContainerOptions,
  type RouteOptions,
} from './options.ts';
import type { Parser } from './parser.ts';

/** `name` is '' for the route of the plain `portcullis.<option>` labels. */
export type LabelledRoute = { readonly name: string; readonly options: RouteOptions };

export type ParsedLabels = {
  /** True when any label of ours is there, right or wrong. */
  readonly labelled: boolean;
  readonly container: ContainerOptions;
  /** Sorted by name. Without any route label: one unnamed route without options. */
  readonly routes: readonly LabelledRoute[];
  readonly problems: readonly Problem[];
};

const ROUTE_NAME = /^[A-Za-z0-9_-]{1,63}$/;

/** Reads a container's labels. `prefix` is without its dot. Labels without the prefix are somebody else's. */
export function parseLabels(
  { name, labels }: Pick<Container, 'name' | 'labels'>,
  prefix: string,
): ParsedLabels {
  const like = `${prefix}.`.toLowerCase();
  const ours = Object.keys(labels)
    .filter((label) => label.toLowerCase().startsWith(like))
    .toSorted();
  const container: Record<string, unknown> = {};
  const routes = new Map<string, Record<string, unknown>>();
  const problems: Problem[] = [];

  for (const label of ours) {
    const value = labels[label] ?? '';
    const target = label.startsWith(`${prefix}.`)
      ? readKey(label.slice(prefix.length + 1), prefix)
      : { reason: `is none of ours: labels are case-sensitive, and ours begin with ${prefix}.` };
    if ('reason' in target) {
      problems.push({ container: name, label, value, reason: target.reason });
      continue;
    }
    const parsed = target.parse(value);
    if (!parsed.ok) {
      problems.push({ container: name, label, value, reason: parsed.reason });
    } else if (target.route === undefined) {
      container[target.option] = parsed.value;
    } else {
      const options = routes.get(target.route) ?? {};
      options[target.option] = parsed.value;
      routes.set(target.route, options);
    }
  }
  const from = `${prefix}.public-from`;
  if (container['public-from'] !== undefined && (container['public'] ?? 'none') === 'none') {
    const reason = `has no effect without ${prefix}.public`;
    problems.push({ container: name, label: from, value: labels[from] ?? '', reason });
  }
  if (routes.size === 0) routes.set('', {});
  return {
    labelled: ours.length > 0,
    container,
    routes: [...routes].map(([route, options]) => ({ name: route, options })),
    problems,
  };
}

type Target =
  | {
      readonly route: string | undefined;
      readonly option: string;
      readonly parse: Parser<unknown>;
    }
  | { readonly reason: string };

/** What `key`, the label without its prefix, speaks of. */
function readKey(key: string, prefix: string): Target {
  const parts = key.split('.');
  const [first = '', second] = parts;
  if (parts.length > 2) return unknown(parts.at(-1) ?? '', prefix);
  if (second === undefined) {
    if (isContainerOption(first)) {
      return { route: undefined, option: first, parse: containerOptions[first] };
    }
    return isRouteOption(first)
      ? { route: '', option: first, parse: routeOptions[first] }
      : unknown(first, prefix);
  }
  if (isRouteOption(first) || isContainerOption(first)) {
    return { reason: `"${first}" is an option and cannot be the name of a route; choose another` };
  }
  if (!ROUTE_NAME.test(first)) {
    return { reason: 'has a route name that is not 1 to 63 letters, digits, "_" and "-"' };
  }
  if (isContainerOption(second)) {
    return { reason: `speaks of the whole container; write ${prefix}.${second}` };
  }
  return isRouteOption(second)
    ? { route: first, option: second, parse: routeOptions[second] }
    : unknown(second, prefix, `${first}.`);
}

/** `route`: the name of the route it stands in, with its dot. */
function unknown(option: string, prefix: string, route = ''): Target {
  const asked = option.slice(0, 40).toLowerCase();
  const nearest = closest(asked, optionNames);
  // All letters others: a guess would lead astray.
  const isLike = distance(asked, nearest) < Math.max(asked.length, nearest.length) * 0.7;
  const of = isContainerOption(nearest) ? '' : route;
  const hint = isLike ? `the nearest is ${prefix}.${of}${nearest}` : 'README.md lists them';
  return { reason: `is not a known option; ${hint}` };
}
