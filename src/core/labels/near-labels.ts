/** Labels that look like ours and are nobody's: they have no effect, which nothing else would tell. */
import { typoOf } from '../typo.ts';

export type NearLabel = {
  readonly label: string;
  /** What is meant, most likely. */
  readonly meant: string;
};

/**
 * `portculis.host`, and `portcullis` alone. In another case they are wrong labels of ours, which
 * parseLabels() refuses.
 *
 * @param prefix without its dot
 */
export function nearLabels(
  labels: Readonly<Record<string, string>>,
  prefix: string,
): readonly NearLabel[] {
  const parts = prefix.split('.').length;
  return Object.keys(labels)
    .toSorted()
    .flatMap((label): readonly NearLabel[] => {
      const words = label.split('.');
      const head = words.slice(0, parts).join('.').toLowerCase();
      const rest = words.slice(parts).join('.');
      if (
        head === prefix.toLowerCase()
          ? rest !== ''
          : typoOf(head, [prefix.toLowerCase()]) === undefined
      ) {
        return [];
      }
      return [{ label, meant: `${prefix}.${rest === '' ? 'enable' : rest}` }];
    });
}
