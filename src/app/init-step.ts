/** One change that `init` makes to a host. */
export type Step = {
  /** What it changes, in words or as a diff. */
  readonly shown: string;
  readonly act: () => Promise<void>;
};
