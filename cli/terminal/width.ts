/** How many columns a text takes on a terminal, and cutting and wrapping by columns. */

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6])|\ufe0f/u;
const PLAIN_ASCII = /^[\x20-\x7e]*$/u;

export const widthOf = (text: string): number =>
  PLAIN_ASCII.test(text) ? text.length : graphemesOf(text).reduce((sum, one) => sum + widthOfOne(one), 0);

/** The text, cut to `columns` with an ellipsis where it is longer. */
export function cutTo(text: string, columns: number, ellipsis = '…'): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  const room = columns - widthOf(ellipsis);
  return room < 0 ? '' : `${headOf(text, room).trimEnd()}${ellipsis}`;
}

export const padTo = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - widthOf(text)));

export const padBefore = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - widthOf(text))) + text;

/** Lines of at most `columns`, broken between words; a longer word is broken within. */
export function wrapTo(text: string, columns: number): string[] {
  const room = Math.max(1, columns);
  return text.split('\n').flatMap((line) => wrapLine(line, room));
}

function wrapLine(line: string, room: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (widthOf(longer) <= room) {
      current = longer;
      continue;
    }
    if (current !== '') lines.push(current);
    current = word;
    while (widthOf(current) > room) {
      const head = headOf(current, room) || (graphemesOf(current)[0] ?? current);
      lines.push(head);
      current = current.slice(head.length);
    }
  }
  return [...lines, current];
}

function headOf(text: string, columns: number): string {
  let head = '';
  let used = 0;
  for (const grapheme of graphemesOf(text)) {
    used += widthOfOne(grapheme);
    if (used > columns) break;
    head += grapheme;
  }
  return head;
}

const graphemesOf = (text: string): string[] => Array.from(GRAPHEMES.segment(text), (part) => part.segment);
const widthOfOne = (grapheme: string): number => (/^\p{M}/u.test(grapheme) ? 0 : WIDE.test(grapheme) ? 2 : 1);
