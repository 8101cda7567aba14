import { codeOf } from './atomic-file.ts';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'there is no such file: a part of its path is no folder',
  EACCES: 'cannot be read: no permission',
};

/** Why a file cannot be read: what stands behind its name and a colon. */
export const whyUnreadable = (cause: unknown): string =>
  WHY[codeOf(cause)] ?? `cannot be read (${codeOf(cause)})`;
