/** Tells which names the text of a function may mention: its words, as Postgres would fold them. */

const isWordCharacter = (character: string): boolean =>
  character === '_' ||
  character === '$' ||
  character.toLowerCase() !== character.toUpperCase() ||
  isDigit(character);

const isDigit = (character: string): boolean => character >= '0' && character <= '9';

/** Text in double quotes is one word, as it stands; a comment or a string is not told from code. */
export function wordsIn(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  let word = '';
  let isQuoted = false;
  const end = (): void => {
    if (word !== '') words.add(isQuoted ? word : word.toLowerCase());
    word = '';
  };
  for (const character of text) {
    if (character === '"') {
      end();
      isQuoted = !isQuoted;
    } else if (isQuoted || isWordCharacter(character)) word += character;
    else end();
  }
  end();
  return words;
}

export interface FunctionText {
  readonly words: ReadonlySet<string>;
  /** Tables whose triggers call it: it may mention their columns without naming the table. */
  readonly triggersOn: readonly number[];
}

interface MentionedRelation {
  readonly oid: number;
  readonly name: string;
  readonly columns: readonly string[];
}

/** `undefined` stands for the relation itself. */
export function mentionedIn(
  { words, triggersOn }: FunctionText,
  { oid, name, columns }: MentionedRelation,
): readonly (string | undefined)[] {
  const isNamed = words.has(name);
  if (!isNamed && !triggersOn.includes(oid)) return [];
  const mentioned = columns.filter((column) => words.has(column));
  return isNamed ? [undefined, ...mentioned] : mentioned;
}
