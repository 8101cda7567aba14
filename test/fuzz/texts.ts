import fc from 'fast-check';
import { ALL_HOSTILE } from './hostile-values.ts';

export const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ALL_HOSTILE) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('a.example', '/x', '10r/s'), fc.constantFrom(...ALL_HOSTILE))
      .map((parts) => parts.join('')),
  },
);

export const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

export const wrongly = (value: unknown): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 400, arbitrary: fc.constant(value) },
    { weight: 1, arbitrary: fc.constantFrom(null, 0, '', [], {}, 'x', -1, [null], { a: 1 }) },
  );

export const mostly = (fine: readonly string[], wrong: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 100, arbitrary: fc.constantFrom(...fine) },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );

/** What may make a terminal, or a reader, see something else than there is. */
export const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
