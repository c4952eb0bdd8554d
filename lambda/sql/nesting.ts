/** Finds SQL that is nested so deeply that the parser, or whoever walks its tree, would run out of stack. */
import type { ScanToken } from 'libpg-query';

/**
 * A stack overflow within the parser's WebAssembly leaves it broken for good, after some of them. In no shorter text can
 * one happen (`1+1+…` takes 19,000 characters), and so only longer ones are scanned before they are parsed.
 */
export const SHORT_ENOUGH = 12_000;

/** Half of the least depth that overflows: of sub-queries within sub-queries. */
const DEEPEST_TEXT = 1200;

/** Between them, operators and clauses pile up; they themselves join any number of expressions side by side. */
const SIDE_BY_SIDE: ReadonlySet<string> = new Set([',', 'and', 'or', 'when', 'then', 'else']);

/** Each takes all that is before it as its left side, commas or not. */
const PILED_UP: ReadonlySet<string> = new Set(['union', 'intersect', 'except', 'join']);

const OPENING: ReadonlySet<string> = new Set(['(', '[', 'case']);
const CLOSING: ReadonlySet<string> = new Set([')', ']', 'end']);

interface Level {
  piled: number;
  inRow: number;
}

/** The token at which a text becomes too deep; reckoned from above, so that what passes is not. */
export function tooDeepAt(tokens: readonly ScanToken[]): ScanToken | undefined {
  let levels: Level[] = [{ piled: 0, inRow: 0 }];
  let below = 0;
  for (const token of tokens) {
    const word = token.text.toLowerCase();
    const level = levels.at(-1);
    if (word === ';' || level === undefined) {
      levels = [{ piled: 0, inRow: 0 }];
      below = 0;
    } else if (OPENING.has(word)) {
      below += level.piled + level.inRow + 1;
      levels.push({ piled: 0, inRow: 0 });
    } else if (CLOSING.has(word) && levels.length > 1) {
      levels.pop();
      const outer = levels.at(-1) ?? level;
      below -= outer.piled + outer.inRow + 1;
      outer.inRow += 1;
    } else if (SIDE_BY_SIDE.has(word)) {
      level.inRow = 0;
    } else {
      level.inRow += 1;
      if (PILED_UP.has(word)) level.piled += 1;
    }
    const here = levels.at(-1);
    if (below + (here === undefined ? 0 : here.piled + here.inRow) > DEEPEST_TEXT) return token;
  }
  return undefined;
}

/** Of a parse tree; recursion over one that is deeper could overflow. */
const DEEPEST_TREE = 1000;

/** A level takes two characters at least. */
const MAY_BE_DEEP = DEEPEST_TREE;

export function isTooDeep(tree: object, { length }: { readonly length: number }): boolean {
  if (length < MAY_BE_DEEP) return false;
  let level: readonly unknown[] = [tree];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST_TREE) return true;
    level = level.flatMap((branch) =>
      typeof branch === 'object' && branch !== null ? Object.values(branch) : [],
    );
  }
  return false;
}
