import { LineCounter, parseDocument } from 'yaml';
import { PortcullisError } from './errors.ts';

type Tree = { [key: string]: unknown };

export type YamlTree = {
  readonly value: Tree;
  /** Line of the innermost node that `keys` leads to. */
  readonly lineOf: (keys: readonly PropertyKey[]) => number | undefined;
};

/** @throws {PortcullisError} `bad-setting`, with file and line, for text that is not one YAML mapping */
export function parseYaml(text: string, path: string): YamlTree {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [error] = document.errors;
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    // The place is told once, before it.
    const what = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    throw new PortcullisError('bad-setting', `${path}:${line}: is not valid YAML: ${what}`);
  }
  const value: unknown = withoutCycles(() => document.toJS({ maxAliasCount: 10 }), path) ?? {};
  if (!isTree(value)) {
    throw new PortcullisError('bad-setting', `${path}:1: must be keys and values, as "domain: x"`);
  }
  const lineOf = (keys: readonly PropertyKey[]): number | undefined => {
    for (let depth = keys.length; depth > 0; depth--) {
      const node: unknown = document.getIn(keys.slice(0, depth), true);
      const range =
        typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
      if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
    }
    return undefined;
  };
  return { value, lineOf };
}

/** @throws {PortcullisError} `bad-setting` for aliases that lead back to themselves, or to more and more */
function withoutCycles(read: () => unknown, path: string): unknown {
  try {
    const value = read();
    JSON.stringify(value);
    return value;
  } catch (cause) {
    throw new PortcullisError('bad-setting', `${path}: has YAML aliases ("*x") that never end`, {
      cause,
    });
  }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
