/** Colours and signs: what a line is made of before it is written. */
import { styleText } from 'node:util';
import { visibleLine } from '../../lambda/report/visible';

export type Style = Exclude<Parameters<typeof styleText>[0], readonly unknown[] | string[]>;

/** Text of any origin with its style; it is made visible when it is rendered, so it cannot bring styles of its own. */
export type Piece = string | { readonly text: string; readonly style: Style };
export type Line = string | readonly Piece[];

export interface Signs {
  readonly passed: string;
  readonly failed: string;
  readonly blocked: string;
  readonly unknown: string;
  readonly upcoming: string;
  readonly note: string;
  readonly dot: string;
  readonly barDone: string;
  readonly barRest: string;
  readonly ellipsis: string;
  readonly spinner: readonly string[];
}

export const UNICODE_SIGNS: Signs = {
  passed: '✔',
  failed: '✖',
  blocked: '⊘',
  unknown: '?',
  upcoming: '○',
  note: '›',
  dot: '·',
  barDone: '━',
  barRest: '─',
  ellipsis: '…',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

export const ASCII_SIGNS: Signs = {
  passed: '+',
  failed: 'x',
  blocked: '!',
  unknown: '?',
  upcoming: 'o',
  note: '>',
  dot: '-',
  barDone: '=',
  barRest: '.',
  ellipsis: '...',
  spinner: ['-', '\\', '|', '/'],
};

export interface Look {
  paint(style: Style, text: string): string;
  readonly signs: Signs;
}

export const createLook = (options: { color: boolean; unicode: boolean }): Look => ({
  // Newer Node versions would otherwise look at process.stdout, which need not be the stream that is written to.
  paint: (style, text) =>
    options.color && text !== '' ? styleText(style, text, { validateStream: false }) : text,
  signs: options.unicode ? UNICODE_SIGNS : ASCII_SIGNS,
});

export const piecesOf = (line: Line): readonly Piece[] => (typeof line === 'string' ? [line] : line);

export const textOf = (line: Line): string =>
  piecesOf(line)
    .map((piece) => keepEdges(typeof piece === 'string' ? piece : piece.text))
    .join('');

export const paintLine = (line: Line, look: Look): string =>
  piecesOf(line)
    .map((piece) =>
      typeof piece === 'string' ? keepEdges(piece) : look.paint(piece.style, keepEdges(piece.text)),
    )
    .join('');

/** `visibleLine` trims and collapses blanks; between pieces they are layout. */
const keepEdges = (text: string): string => text.split(/( +)/u).map(blankOrVisible).join('');
const blankOrVisible = (part: string): string => (/^ +$/u.test(part) ? part : visibleLine(part));
