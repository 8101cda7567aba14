/**
 * Proves that values changed nothing but themselves. A template is rendered twice: with the real
 * values, and with each text replaced by a harmless word of its own. Both results, read back, must
 * be the same tree of blocks and directives, and differ exactly by those words. So whatever a value
 * holds, and however a template uses it, it cannot have ended a directive, a block or a quote.
 */
import type { BlockNode } from './block-tree.ts';

/** Keys whose texts come from a fixed list of ours: a template may branch on them. */
const FIXED = new Set(['directive', 'balance', 'template', 'kind']);

const WORD = /qx(\d+)xq/g;

/** Far more than there are where nobody makes them up. */
const MOST_SHAPES = 500;

export type MeantCheck<View> = {
  readonly render: (view: View) => string;
  /** Reads Nginx text; throws on text that is not whole. */
  readonly read: (text: string) => readonly BlockNode[];
};

/** Throws when `text`, the rendering of `view`, read back is not what was meant. */
export type CheckMeant<View> = (view: View, text: string) => void;

/** Text that is one argument as it is, and means nothing to Nginx: as the stand-in words are. */
const PLAIN = /^[A-Za-z0-9_./:@+=()[\],*-]+$/;

type Shape = { readonly text: string; readonly tree: readonly BlockNode[] };

/**
 * Views of the same shape have the same stand-in, which is rendered and read only once. A text that
 * is its stand-in with plain words in place of plain words is the same tree: it is not read again.
 */
export function createMeantCheck<View extends object>({
  render,
  read,
}: MeantCheck<View>): CheckMeant<View> {
  const shapes = new Map<string, Shape>();
  const shapeOf = (stand: View): Shape => {
    const key = JSON.stringify(stand);
    const known = shapes.get(key);
    if (known) return known;
    const text = render(stand);
    const shape = { text, tree: read(text) };
    if (shapes.size >= MOST_SHAPES) shapes.clear();
    shapes.set(key, shape);
    return shape;
  };
  return (view, text) => {
    const { stand, values } = standIn(view);
    const shape = shapeOf(stand);
    const isPlain = values.every((value) => PLAIN.test(value));
    if (isPlain && text === withValues(shape.text, values)) return;
    if (JSON.stringify(restore(shape.tree, values)) !== JSON.stringify(read(text))) {
      throw new Error(`rendered text is not the block tree that was meant:\n${text}`);
    }
  };
}

const withValues = (text: string, values: readonly string[]): string =>
  text.replaceAll(WORD, (_match, index: string) => values[Number(index)] ?? '');

function standIn<View extends object>(view: View): { stand: View; values: readonly string[] } {
  const values: string[] = [];
  const replace = (key: string, value: unknown): unknown => {
    // A directive's own name and the "=" of an exact location are ours as well.
    if (typeof value !== 'string' || FIXED.has(key) || value === '=') return value;
    values.push(value);
    return `qx${values.length - 1}xq`;
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same shape, only its texts differ
  return { stand: mapTexts(view, '', replace) as View, values };
}

function mapTexts(
  value: unknown,
  key: string,
  replace: (key: string, value: unknown) => unknown,
): unknown {
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) =>
      // directives: [[name, ...arguments], …]
      mapTexts(
        item,
        key === 'directives' ? 'words' : key === 'words' && index === 0 ? 'directive' : key,
        replace,
      ),
    );
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => [name, mapTexts(child, name, replace)]),
    );
  }
  return replace(key, value);
}

function restore(nodes: readonly BlockNode[], values: readonly string[]): readonly BlockNode[] {
  const text = (word: string): string => withValues(word, values);
  return nodes.map((node) => ({
    name: text(node.name),
    args: node.args.map(text),
    ...(node.children && { children: restore(node.children, values) }),
  }));
}
