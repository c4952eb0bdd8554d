/** JSON lines: one object a line, in ASCII where a terminal could take a character for a command. */

// JSON.stringify escapes C0 only; C1 controls and bidi marks would reach a terminal that shows the lines raw.
const UNSAFE_IN_A_TERMINAL = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replace(UNSAFE_IN_A_TERMINAL, escaped);

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
