/** Splits a SQL script into its statements with Postgres's own parser, and reads Godwit's directives from its comments. */
import type { Node, ScanToken } from 'libpg-query';
import { GodwitError } from '../domain/errors';
import { type BackfillMark, type Comment, type Directive, MARK, readDirectives } from './directives';
import { isTooDeep, SHORT_ENOUGH, tooDeepAt } from './nesting';

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
  if (sql.length > SHORT_ENOUGH) refuseTooDeep(sql, parser);
  const tree = await parser.parse(sql).catch((error: unknown) => {
    throw asSyntaxError(sql, error);
  });
  const bytes = Buffer.from(sql, 'utf8');
  const raw = tree.stmts ?? [];
  const plain = sql.includes(MARK) ? undefined : statementsWithoutScan(bytes, raw);
  if (plain !== undefined) return { statements: plain.map((one) => walkable(sql, one)), directives: [] };
  const { tokens } = await parser.scan(withoutControlCharacters(sql));
  const statements = statementsOf(bytes, raw, tokens).map((one) => walkable(sql, one));
  const { directives, backfills } = readDirectives(
    { sql, comments: commentsOf(bytes, tokens), statements },
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

type Parser = typeof import('libpg-query');

/** Loaded on first use: instantiating the WebAssembly costs more than starting the rest of the program. */
export async function loadParser(): Promise<Parser> {
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

const TOO_DEEP = 'it is nested too deeply; part the expression, or write it as a list';

function refuseTooDeep(sql: string, parser: Parser): void {
  let token: ScanToken | undefined;
  try {
    token = tooDeepAt(parser.scanSync(withoutControlCharacters(sql)).tokens);
  } catch {
    // A quote or comment does not end: the parser says where, and never comes to nest anything.
    return;
  }
  if (token === undefined) return;
  const index = Buffer.from(sql, 'utf8').toString('utf8', 0, token.start).length;
  throw syntaxErrorAt(sql, index, TOO_DEEP);
}

function walkable(sql: string, statement: SqlStatement): SqlStatement {
  if (isTooDeep(statement.node, statement.sql)) throw syntaxErrorAt(sql, statement.offset, TOO_DEEP);
  return statement;
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
    return [statementAt(bytes, position, stmt, { from: first.start, to: last.end })];
  });
}

function statementAt(
  bytes: Buffer,
  position: PositionReader,
  node: Node,
  { from, to }: { readonly from: number; readonly to: number },
): SqlStatement {
  const { offset, line } = position(from);
  return {
    sql: bytes.toString('utf8', from, to),
    offset,
    line,
    node,
    kind: Object.keys(node)[0] ?? 'unknown',
  };
}

/**
 * Scanning costs several times what parsing does. Before a statement's first token only blanks, comments and stray
 * semicolons can stand, and its last token ends where its text does unless a comment follows: then, undefined.
 */
function statementsWithoutScan(bytes: Buffer, raw: readonly RawStatement[]): SqlStatement[] | undefined {
  const position = positionReader(bytes);
  const statements: SqlStatement[] = [];
  for (const { stmt, stmt_location: start = 0, stmt_len: length = 0 } of raw) {
    const from = firstToken(bytes, start);
    let to = length > 0 ? start + length : bytes.length;
    while (to > from && isBlank(bytes[to - 1])) to -= 1;
    if (stmt === undefined || to <= from) return undefined;
    const text = bytes.subarray(from, to);
    const mayEndOtherwise = text.includes('--') || text.includes('/*') || bytes[to - 1] === SEMICOLON;
    if (mayEndOtherwise) return undefined;
    statements.push(statementAt(bytes, position, stmt, { from, to }));
  }
  return statements;
}

const [SEMICOLON, DASH, SLASH, STAR] = [0x3b, 0x2d, 0x2f, 0x2a];

/** The scanner's white space. */
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);

const isLineEnd = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;

/** Comments in `/*` nest, and those in `--` end at either character that ends a line. */
function firstToken(bytes: Buffer, start: number): number {
  let at = start;
  let depth = 0;
  while (at < bytes.length) {
    const [one, two] = [bytes[at], bytes[at + 1]];
    if (one === SLASH && two === STAR) {
      depth += 1;
      at += 2;
    } else if (depth > 0) {
      const isEnd = one === STAR && two === SLASH;
      if (isEnd) depth -= 1;
      at += isEnd ? 2 : 1;
    } else if (one === DASH && two === DASH) {
      while (at < bytes.length && !isLineEnd(bytes[at])) at += 1;
    } else if (one === SEMICOLON || isBlank(one)) {
      at += 1;
    } else {
      return at;
    }
  }
  return at;
}

type PositionReader = (byteOffset: number) => { readonly offset: number; readonly line: number };

/** Turns ascending byte offsets into character offsets and lines, in one pass over the script. */
function positionReader(bytes: Buffer): PositionReader {
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
