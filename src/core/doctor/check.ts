/** What `doctor` knows and says. */

export type CheckState = 'ok' | 'warning' | 'problem' | 'not checked';

export type Check = {
  readonly name: string;
  readonly state: CheckState;
  /** What was found, one sentence without a full stop. */
  readonly what: string;
  /** The command that puts it right, or what to do. */
  readonly fix?: string;
};

/** Something that was looked at; `why` says why it is not known. */
export type Fact<T> =
  { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

export const ok = (name: string, what: string): Check => ({ name, state: 'ok', what });

export const notChecked = (name: string, what: string): Check => ({
  name,
  state: 'not checked',
  what,
});

export const warning = (name: string, what: string, fix: string): Check => ({
  name,
  state: 'warning',
  what,
  fix,
});

export const problem = (name: string, what: string, fix: string): Check => ({
  name,
  state: 'problem',
  what,
  fix,
});
