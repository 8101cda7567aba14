/** Which packets from outside are worth trying: one of each kind that some rule tells apart. */
import type { Family } from '../firewall/addresses.ts';
import {
  addressText,
  hexAddress,
  inRange,
  isEverything,
  rangeOf,
  type AddressRange,
  type HexAddress,
} from './address-range.ts';

export type Source = {
  readonly address: HexAddress;
  /** The addresses that it stands for; undefined: everybody whom no rule names. */
  readonly range: AddressRange | undefined;
};

/** Of more than so many sources only these are tried, and that is said. */
export const MOST_SOURCES = 256;

const STRANGERS: Readonly<Record<Family, readonly HexAddress[]>> = {
  // Networks for documentation and tests, then some of everybody's.
  v4: [
    '203.0.113.77',
    '198.51.100.77',
    '192.0.2.77',
    '198.18.77.77',
    '8.8.4.77',
    '100.77.77.77',
    '45.77.77.77',
    '185.77.77.77',
  ].map(hexAddress),
  v6: [
    '2001:db8:77::77',
    '2001:db8:ffff::77',
    '3fff:77::77',
    '2a00:77::77',
    '2600:77::77',
    'fd77:77::77',
  ].map(hexAddress),
};

/** How many sources of one family rules tell apart. */
export const countSources = (told: readonly AddressRange[]): number =>
  Math.max(
    ...[8, 32].map(
      (digits) => distinctRanges(told.filter(({ low }) => low.length === digits)).length,
    ),
  );

/**
 * @param told sources that rules name, of both families
 * @param never addresses that nobody outside has: the host's own, the containers'
 */
export function sourcesToTry(
  told: readonly AddressRange[],
  { family, never }: { family: Family; never: (address: HexAddress) => boolean },
): readonly Source[] {
  const digits = family === 'v4' ? 8 : 32;
  const ranges = distinctRanges(
    told.filter((range) => range.low.length === digits && !isEverything(range)),
  );
  const named = (address: HexAddress): boolean => ranges.some((range) => inRange(address, range));
  const stranger = STRANGERS[family].find((address) => !named(address) && !never(address));
  const representatives = ranges.slice(0, MOST_SOURCES).flatMap((range): readonly Source[] => {
    const inner = ranges.filter((each) => each !== range && within(each, range));
    const address = candidates(range).find(
      (each) => !never(each) && !inner.some((other) => inRange(each, other)),
    );
    return address === undefined ? [] : [{ address, range }];
  });
  return [
    ...(stranger === undefined ? [] : [{ address: stranger, range: undefined }]),
    ...representatives,
  ];
}

const within = (inner: AddressRange, outer: AddressRange): boolean =>
  inRange(inner.low, outer) && inRange(inner.high, outer);

function distinctRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  return [...new Map(ranges.map((range) => [`${range.low} ${range.high}`, range])).values()];
}

/** Some addresses of a range, from its edges and from its middle. */
function candidates({ low, high }: AddressRange): readonly HexAddress[] {
  const [first, last] = [BigInt(`0x${low}`), BigInt(`0x${high}`)];
  const size = last - first;
  const steps = [1n, 2n, 5n, 7n, 11n, 77n, 200n].filter((step) => step < size);
  const parts = [2n, 3n, 5n, 7n].map((part) => first + size / part);
  const all = [
    ...steps.map((step) => first + step),
    ...parts,
    ...steps.map((step) => last - step),
    first,
    last,
  ];
  return all.map((number) => number.toString(16).padStart(low.length, '0'));
}

/** `10.0.0.0/8`, or both ends where it is no network. */
export function rangeText({ low, high }: AddressRange): string {
  if (low === high) return addressText(low);
  for (let length = low.length * 4 - 1; length > 0; length--) {
    const text = `${addressText(low)}/${length}`;
    const range = rangeOf(text);
    if (range.low === low && range.high === high) return text;
  }
  return `${addressText(low)}-${addressText(high)}`;
}
