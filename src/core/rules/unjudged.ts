/** A rule, or a part of one, whose meaning this program does not know: it is told, never guessed. */
export class Unjudged extends Error {
  override readonly name = 'Unjudged';
}
