/** Reads Godwit's directives from a script's comments: `-- godwit:stepwise …`, `-- godwit:backfill …` and `-- godwit:allow …`. */
import type { ScanToken } from 'libpg-query';
import { GodwitError } from '../domain/errors';
import type { QualifiedName } from './names';

export type Directive = Stepwise | Allow;

/** `-- godwit:stepwise because <reason>` */
export interface Stepwise {
  readonly name: 'stepwise';
  readonly reason: string;
  readonly line: number;
}

/** `-- godwit:allow <rule> because <reason>`, above a statement, or at the head of the file with an empty line after it. */
export interface Allow {
  readonly name: 'allow';
  readonly rule: string;
  readonly reason: string;
  readonly line: number;
  /** From 1; of the whole file without it. */
  readonly statement?: number;
}

/** `-- godwit:backfill ["Table"] [by "key column", …]`, above the statement that shall run in batches. */
export interface BackfillMark {
  readonly line: number;
  readonly table?: QualifiedName;
  readonly key?: readonly string[];
}

/** A comment begins with `godwit:` and cannot be understood. */
export class SqlDirectiveError extends GodwitError {
  override readonly name = 'SqlDirectiveError';
  readonly kind = 'usage';
  readonly line: number;
  readonly problem: string;

  constructor(line: number, problem: string) {
    super(`Line ${line}: ${problem}`);
    this.line = line;
    this.problem = problem;
  }
}

export interface Comment {
  /** Without its dashes, trimmed. */
  readonly text: string;
  readonly offset: number;
  readonly line: number;
}

interface Place {
  readonly sql: string;
  readonly offset: number;
  readonly line: number;
}

export type Scan = (text: string) => readonly ScanToken[];

export interface Script {
  readonly sql: string;
  /** The `--` ones. */
  readonly comments: readonly Comment[];
  readonly statements: readonly Place[];
}

export interface Directives {
  readonly directives: readonly Directive[];
  /** By the index of the statement that they stand above. */
  readonly backfills: ReadonlyMap<number, BackfillMark>;
}

/** Every directive begins with it. */
export const MARK = 'godwit:';
const BECAUSE = 'because ';

const NAMES = ['stepwise', 'backfill', 'allow'].map((name) => `\`${MARK}${name}\``).join(', ');

/** @throws SqlDirectiveError */
export function readDirectives(script: Script, scan: Scan): Directives {
  const directives: Directive[] = [];
  const backfills = new Map<number, BackfillMark>();
  for (const comment of script.comments) {
    if (!comment.text.startsWith(MARK)) continue;
    const [name = '', ...words] = comment.text.slice(MARK.length).split(' ');
    const rest = words.join(' ').trim();
    if (name === 'stepwise') {
      directives.push({ name, reason: stepwiseReason(rest, comment.line), line: comment.line });
    } else if (name === 'allow') {
      directives.push(allowOf(rest, comment, script));
    } else if (name === 'backfill') {
      const index = statementBelow(comment, script.statements, BACKFILL);
      if (backfills.has(index)) {
        throw new SqlDirectiveError(comment.line, `\`${MARK}backfill\` marks the same statement twice.`);
      }
      backfills.set(index, backfillMark(rest, comment.line, scan));
    } else {
      const problem = `\`${MARK}${name}\` is not a directive. There are ${NAMES}.`;
      throw new SqlDirectiveError(comment.line, problem);
    }
  }
  return { directives, backfills };
}

function stepwiseReason(rest: string, line: number): string {
  const reason = rest.startsWith(BECAUSE) ? rest.slice(BECAUSE.length).trim() : '';
  if (reason !== '') return reason;
  const problem = `\`${MARK}stepwise\` needs a reason. Write \`-- ${MARK}stepwise because <reason>\`.`;
  throw new SqlDirectiveError(line, problem);
}

function allowOf(rest: string, comment: Comment, script: Script): Allow {
  const { line } = comment;
  const [rule = '', because, ...words] = rest.split(' ').filter((word) => word !== '');
  const reason = words.join(' ');
  if (rule === '' || rule === BECAUSE.trim()) {
    throw new SqlDirectiveError(
      line,
      `\`${MARK}allow\` names no rule. Write \`-- ${MARK}allow <rule> because <reason>\`, with the rule that the finding names.`,
    );
  }
  if (because !== BECAUSE.trim() || reason === '') {
    throw new SqlDirectiveError(
      line,
      `\`${MARK}allow ${rule}\` needs a reason. Write \`-- ${MARK}allow ${rule} because <reason>\`.`,
    );
  }
  const index = statementBelow(comment, script.statements, ALLOW);
  const isForAll = index === 0 && hasEmptyLineBelow(comment, script);
  return { name: 'allow', rule, reason, line, ...(isForAll ? {} : { statement: index + 1 }) };
}

/** Between the comment and the first statement. */
function hasEmptyLineBelow({ line, offset }: Comment, { sql, statements }: Script): boolean {
  const [first] = statements;
  const between = sql.slice(offset, first?.offset).split('\n').slice(1, -1);
  return first !== undefined && first.line > line && between.some((text) => text.trim() === '');
}

interface Position {
  readonly mark: string;
  readonly place: string;
}

const BACKFILL: Position = { mark: `${MARK}backfill`, place: 'above the UPDATE or DELETE that it marks' };
const ALLOW: Position = {
  mark: `${MARK}allow`,
  place: 'above the statement that it is about, or at the head of the file with an empty line after it',
};

function statementBelow(comment: Comment, statements: readonly Place[], { mark, place }: Position): number {
  const index = statements.findIndex(({ offset }) => offset > comment.offset);
  const above = statements[index < 0 ? statements.length - 1 : index - 1];
  // Within a statement, or at the end of its last line, it could be meant for that one or for the next.
  if (above !== undefined && lastLine(above) >= comment.line) {
    throw new SqlDirectiveError(
      comment.line,
      `\`${mark}\` stands in or behind a statement. Put it on a line of its own ${place}.`,
    );
  }
  if (index < 0) {
    throw new SqlDirectiveError(comment.line, `No statement follows \`${mark}\`. It stands ${place}.`);
  }
  return index;
}

const lastLine = ({ line, sql }: Place): number => line + sql.split('\n').length - 1;

function backfillMark(rest: string, line: number, scan: Scan): BackfillMark {
  const tokens = [...scanned(rest, line, scan)];
  const refuse = (): never => {
    throw new SqlDirectiveError(
      line,
      `\`${MARK}backfill ${rest}\` cannot be read. Write \`-- ${MARK}backfill\`, or with the table, the key or both: ` +
        `\`-- ${MARK}backfill "Table" by "id"\`; quote names that are not in lower case or are words of SQL.`,
    );
  };
  const takeName = (): string => nameOf(tokens.shift()) ?? refuse();
  const takesIf = (word: string): boolean => {
    if (tokens[0]?.text.toLowerCase() !== word) return false;
    tokens.shift();
    return true;
  };
  let table: QualifiedName | undefined;
  if (tokens.length > 0 && tokens[0]?.text.toLowerCase() !== 'by') {
    const first = takeName();
    table = takesIf('.') ? { schema: first, name: takeName() } : { schema: undefined, name: first };
  }
  const key: string[] = [];
  if (takesIf('by')) {
    do key.push(takeName());
    while (takesIf(','));
  }
  if (tokens.length > 0) refuse();
  return { line, ...(table === undefined ? {} : { table }), ...(key.length === 0 ? {} : { key }) };
}

function scanned(text: string, line: number, scan: Scan): readonly ScanToken[] {
  if (text === '') return [];
  try {
    return scan(text);
  } catch {
    throw new SqlDirectiveError(line, `\`${MARK}backfill ${text}\` has a quote that does not end.`);
  }
}

/** Keywords that Postgres takes for a name without quotes are unreserved, or of columns, or of types. */
function nameOf(token: ScanToken | undefined): string | undefined {
  if (token === undefined) return undefined;
  if (token.text.startsWith('"')) return token.text.slice(1, -1).replaceAll('""', '"');
  const isWord =
    token.tokenName === 'IDENT' || ['UNRESERVED_KEYWORD', 'COL_NAME_KEYWORD'].includes(token.keywordName);
  return isWord ? lowered(token.text) : undefined;
}

/** Postgres folds ASCII letters only. */
const lowered = (text: string): string =>
  Array.from(text, (letter) => (letter >= 'A' && letter <= 'Z' ? letter.toLowerCase() : letter)).join('');
