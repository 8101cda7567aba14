/** How Nginx is made to read our entry file: a link where its http block reads a folder, else one line. */

import { readBlocks } from './nginx-blocks.ts';

export type IncludePlan =
  | { readonly kind: 'already' }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'line';
      readonly file: string;
      readonly before: string;
      readonly after: string;
    }
  | { readonly kind: 'impossible'; readonly reason: string };

export type IncludeFacts = {
  readonly configPath: string;
  readonly configText: string;
  readonly included: boolean;
  /** Absolute patterns of the include lines in the http block, in order. */
  readonly httpIncludes: readonly string[];
  readonly entryPath: string;
};

const LINK_NAME = 'portcullis.conf';

export function planInclude(facts: IncludeFacts): IncludePlan {
  const { configPath, configText, included, httpIncludes, entryPath } = facts;
  if (included) return { kind: 'already' };
  const folder = httpIncludes
    .map((pattern) => /^(\/[^*?[]+)\/\*(?:\.conf)?$/.exec(pattern)?.[1])
    .find((each) => each !== undefined && !each.endsWith('/modules-enabled'));
  if (folder !== undefined) {
    return { kind: 'link', path: `${folder}/${LINK_NAME}`, target: entryPath };
  }
  const http = readBlocks(configText).find(({ name, children }) => name === 'http' && children);
  if (!http) {
    return { kind: 'impossible', reason: `${configPath} has no http block to include anything in` };
  }
  const { end } = http;
  const rest = configText.slice(end);
  // A comment would swallow what follows on the line.
  const isLast = /^[ \t]*(?:#.*)?\r?$/m.exec(rest)?.index === 0;
  const line = isLast ? includeLine(entryPath) : includeOnBrokenLine(entryPath);
  const after = configText.slice(0, end) + line + rest;
  return { kind: 'line', file: configPath, before: configText, after };
}

/** The text without the line that `planInclude` put in: byte for byte as it was. */
export const withoutIncludeLine = (text: string, entryPath: string): string =>
  text.replace(includeOnBrokenLine(entryPath), '').replace(includeLine(entryPath), '');

const includeLine = (entryPath: string): string =>
  `\n    include ${entryPath}; # put here by "portcullis init"`;

const includeOnBrokenLine = (entryPath: string): string =>
  `\n    include ${entryPath}; # put here by "portcullis init", with the end of this line\n`;
