/** One Nginx directive; a block when it has children. */
export type BlockNode = {
  readonly name: string;
  readonly args: readonly string[];
  readonly children?: readonly BlockNode[];
};
