/** One statement's text by its tokens, so that what is kept of it is kept as written. */
import type { ScanToken } from 'libpg-query';
import { loadParser, withoutControlCharacters } from '../parse';

export interface Word {
  /** In bytes of the statement, as the parser's locations are. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Parentheses and brackets around it. */
  readonly depth: number;
}

const OPENING: readonly string[] = ['(', '['];
const CLOSING: readonly string[] = [')', ']'];

const isComment = ({ tokenName }: ScanToken): boolean =>
  tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT';

export class StatementText {
  readonly sql: string;
  /** Without comments. */
  readonly words: readonly Word[];
  readonly #bytes: Buffer;

  private constructor(sql: string, words: readonly Word[]) {
    this.sql = sql;
    this.words = words;
    this.#bytes = Buffer.from(sql, 'utf8');
  }

  static async of(sql: string): Promise<StatementText> {
    const { scanSync } = await loadParser();
    let depth = 0;
    const words: Word[] = [];
    for (const token of scanSync(withoutControlCharacters(sql)).tokens) {
      if (isComment(token)) continue;
      if (CLOSING.includes(token.text)) depth -= 1;
      words.push({ start: token.start, end: token.end, text: token.text, depth });
      if (OPENING.includes(token.text)) depth += 1;
    }
    return new StatementText(sql, words);
  }

  /** What is written from one place to another, from the first to the last word in between. */
  between(from: number, to: number = this.#bytes.length): string {
    const inside = this.words.filter(({ start, end }) => start >= from && end <= to);
    const [first, last] = [inside[0], inside.at(-1)];
    return first === undefined || last === undefined ? '' : this.exactly(first.start, last.end);
  }

  exactly(from: number, to: number): string {
    return this.#bytes.toString('utf8', from, to);
  }

  /** A keyword outside of parentheses. */
  keyword(word: string, from = 0): Word | undefined {
    return this.words.find(
      ({ start, text, depth }) => start >= from && depth === 0 && text.toUpperCase() === word,
    );
  }

  withInserted(at: number, text: string): string {
    return `${this.exactly(0, at)} ${text}${this.exactly(at, this.#bytes.length)}`;
  }
}
