export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** A check found something: a difference, an open path, a problem. */
export const EXIT_FOUND = 3;
/** Done, but something was rejected or quarantined. */
export const EXIT_REJECTED = 4;
