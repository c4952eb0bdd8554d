/** Text from strangers (names, SQL, server messages) made visible: it can no longer move a cursor, colour, link or reorder. */

// Cc: control characters; Cf: bidi marks, zero widths, tags; Cs: lone surrogates; Zl, Zp: line breaks that only some tools see.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const INVISIBLE_BUT_NEWLINE = /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/gu;

/** One line: white space collapses to single blanks, everything that is not seen is shown as its code. */
export const visibleLine = (text: string): string =>
  text
    .replace(/[\s\u0085]+/gu, blankOf)
    .trim()
    .replace(INVISIBLE, named);

/** Several lines: line breaks stay, tabs become blanks, everything else that is not seen is shown as its code. */
export const visible = (text: string): string =>
  text.replace(/\r\n?/gu, '\n').replace(/\t/gu, '  ').replace(INVISIBLE_BUT_NEWLINE, named);

// U+2028 and U+FEFF count as \s, but whoever writes them into a name means to hide something.
const blankOf = (run: string): string => run.replace(/[^\u2028\u2029\ufeff]+/gu, ' ');

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\\u{${code.toString(16).toUpperCase()}}`;
}
