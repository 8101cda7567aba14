import { createHash } from 'node:crypto';

/** The first 16 hexadecimal digits of SHA-256: enough to tell the files of one folder apart. */
export const contentHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);
