/** Splits a SQL script into its statements with Postgres's own parser, and reads Godwit's directives from its comments. */
import type { Node, ScanToken } from 'libpg-query';
import { GodwitError } from '../domain/errors';
import { type BackfillMark, type Comment, type Directive, readDirectives } from './directives';

export type { Node } from 'libpg-query';
export { type Directive, SqlDirectiveError } from './directives';

export interface SqlStatement {
  /** As written, from its first to its last token: comments around it and the semicolon are left out. */
  readonly sql: string;
  /** Index of its first token in the script, in JavaScript characters. */
  readonly offset: number;
  /** Line of its first token, from 1. */
  readonly line: number;
  readonly node: Node;
  /** Name of the parse tree's root, e.g. `AlterTableStmt`. */
  readonly kind: string;
  /** A `godwit:backfill` stands above it. */
  readonly backfill?: BackfillMark;
}

export interface ParsedScript {
  readonly statements: readonly SqlStatement[];
  readonly directives: readonly Directive[];
}

/** Postgres's parser refuses the script. */
export class SqlSyntaxError extends GodwitError {
  override readonly name = 'SqlSyntaxError';
  readonly kind = 'usage';
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  readonly problem: string;

  constructor(fields: { line: number; column: number; problem: string; cause?: unknown }) {
    super(`Line ${fields.line}, column ${fields.column}: ${fields.problem}`, { cause: fields.cause });
    this.line = fields.line;
    this.column = fields.column;
    this.problem = fields.problem;
  }
}

/** Preflight, the executor and the replay of a history each want the parse of the same files. */
const lately = new Map<string, ParsedScript>();
const MOST_CHARACTERS_KEPT = 4_000_000;
let charactersKept = 0;

/** @throws SqlSyntaxError | SqlDirectiveError */
export async function parseScript(sql: string): Promise<ParsedScript> {
  const known = lately.get(sql);
  if (known !== undefined) return known;
  const script = await parseAnew(sql);
  if (charactersKept + sql.length > MOST_CHARACTERS_KEPT) {
    lately.clear();
    charactersKept = 0;
  }
  lately.set(sql, script);
  charactersKept += sql.length;
  return script;
}

async function parseAnew(sql: string): Promise<ParsedScript> {
  refuseUnparsable(sql);
  if (sql === '') return { statements: [], directives: [] };
  const parser = await loadParser();
  const tree = await parser.parse(sql).catch((error: unknown) => {
    throw asSyntaxError(sql, error);
  });
  const { tokens } = await parser.scan(withoutControlCharacters(sql));
  const bytes = Buffer.from(sql, 'utf8');
  const statements = statementsOf(bytes, tree.stmts ?? [], tokens);
  const { directives, backfills } = readDirectives(
    commentsOf(bytes, tokens),
    statements,
    (text) => parser.scanSync(text).tokens,
  );
  return {
    statements: statements.map((statement, index) => {
      const backfill = backfills.get(index);
      return backfill === undefined ? statement : { ...statement, backfill };
    }),
    directives,
  };
}

/** Loaded on first use: instantiating the WebAssembly costs more than starting the rest of the program. */
export async function loadParser(): Promise<typeof import('libpg-query')> {
  const parser = await import('libpg-query');
  await parser.loadModule();
  return parser;
}

function refuseUnparsable(sql: string): void {
  // The parser takes a C string: it would silently stop at a NUL and never see what follows.
  const nul = sql.indexOf('\0');
  if (nul >= 0) throw syntaxErrorAt(sql, nul, 'a NUL character, which Postgres does not accept in SQL');
  if (sql.startsWith('\uFEFF')) {
    throw syntaxErrorAt(sql, 0, 'the file begins with a byte order mark; save it as UTF-8 without one');
  }
}

function asSyntaxError(sql: string, error: unknown): unknown {
  const details = (error as { sqlDetails?: { message: string; cursorPosition: number } }).sqlDetails;
  if (details === undefined) return error;
  return syntaxErrorAt(sql, indexOfCodePoint(sql, details.cursorPosition), details.message, error);
}

function syntaxErrorAt(sql: string, index: number, problem: string, cause?: unknown): SqlSyntaxError {
  const before = sql.slice(0, index);
  const lineStart = before.lastIndexOf('\n') + 1;
  return new SqlSyntaxError({
    line: countNewlines(before) + 1,
    column: [...before.slice(lineStart)].length + 1,
    problem,
    cause,
  });
}

/** The server counts error positions in code points; JavaScript counts a character beyond U+FFFF as two. */
function indexOfCodePoint(text: string, position: number): number {
  let index = 0;
  for (let seen = 0; seen < position && index < text.length; seen += 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

/**
 * The scanner's answer is JSON in which control characters of a token are not escaped. After a successful parse
 * they can only stand in quotes, comments or white space, where a space of the same length changes no boundary.
 */
export function withoutControlCharacters(sql: string): string {
  const isBare = (character: string): boolean => character < ' ' && !'\n\r\t'.includes(character);
  return Array.from(sql, (character) => (isBare(character) ? ' ' : character)).join('');
}

interface RawStatement {
  readonly stmt?: Node;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

function statementsOf(
  bytes: Buffer,
  raw: readonly RawStatement[],
  tokens: readonly ScanToken[],
): SqlStatement[] {
  const words = tokens.filter((token) => !isComment(token));
  const position = positionReader(bytes);
  let next = 0;
  return raw.flatMap(({ stmt, stmt_location: from = 0, stmt_len: length = 0 }) => {
    const to = length > 0 ? from + length : bytes.length;
    while ((words[next]?.start ?? to) < from || words[next]?.text === ';') next += 1;
    const first = words[next];
    while ((words[next]?.end ?? Infinity) <= to) next += 1;
    const last = words[next - 1]?.text === ';' ? words[next - 2] : words[next - 1];
    if (stmt === undefined || first === undefined || last === undefined) return [];
    const { offset, line } = position(first.start);
    const sql = bytes.toString('utf8', first.start, last.end);
    return [{ sql, offset, line, node: stmt, kind: Object.keys(stmt)[0] ?? 'unknown' }];
  });
}

/** Turns ascending byte offsets into character offsets and lines, in one pass over the script. */
function positionReader(bytes: Buffer): (byteOffset: number) => { offset: number; line: number } {
  let at = 0;
  let offset = 0;
  let line = 1;
  return (byteOffset) => {
    const between = bytes.toString('utf8', at, byteOffset);
    at = byteOffset;
    offset += between.length;
    line += countNewlines(between);
    return { offset, line };
  };
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

const isComment = (token: ScanToken): boolean =>
  token.tokenName === 'SQL_COMMENT' || token.tokenName === 'C_COMMENT';

function commentsOf(bytes: Buffer, tokens: readonly ScanToken[]): Comment[] {
  const position = positionReader(bytes);
  return tokens
    .filter((token) => token.tokenName === 'SQL_COMMENT')
    .map((token) => ({ text: token.text.slice('--'.length).trim(), ...position(token.start) }));
}
