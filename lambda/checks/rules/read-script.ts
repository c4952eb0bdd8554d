/** Reads a script even where parts of it are no SQL: what cannot be read is told with its place, and the rest is judged. */
import {
  loadParser,
  type ParsedScript,
  parseScript,
  SqlDirectiveError,
  SqlSyntaxError,
  withoutControlCharacters,
} from '../../sql/parse';

/** A finding without its migration. */
export interface Unreadable {
  readonly id: 'syntax-error' | 'directive-not-understood';
  readonly line: number;
  readonly column: number;
  readonly subject: string;
  readonly effect: string;
  readonly remedy: string;
}

export interface ReadScript {
  readonly script: ParsedScript;
  /** What could be read: the script with blanks in the place of the rest, so that all offsets are the script's own. */
  readonly sql: string;
  readonly unreadable: readonly Unreadable[];
}

/** Whoever pastes prose gets so many answers and no more. */
const MOST_TOLD = 20;

export async function readScript(sql: string): Promise<ReadScript> {
  const unreadable: Unreadable[] = [];
  let rest = sql;
  for (;;) {
    try {
      return { script: await parseScript(rest), sql: rest, unreadable };
    } catch (error) {
      const problem = await problemIn(rest, error);
      unreadable.push(problem.told);
      rest = unreadable.length < MOST_TOLD ? problem.rest : blank(rest);
    }
  }
}

interface Problem {
  readonly told: Unreadable;
  readonly rest: string;
}

async function problemIn(sql: string, error: unknown): Promise<Problem> {
  if (error instanceof SqlDirectiveError) return directiveProblem(sql, error);
  if (!(error instanceof SqlSyntaxError)) throw error;
  const { line, column, problem } = error;
  const at = indexAt(sql, line, column);
  const { from, to, word, isReserved } = await statementAround(sql, at);
  return {
    told: {
      id: 'syntax-error',
      line,
      column,
      subject: word ?? 'the statement',
      effect: `Postgres refuses the statement: ${problem}.`,
      remedy: isReserved
        ? `${word} is a word of SQL; where it is meant as a name, write "${word}". The rest of the file was judged without this statement.`
        : 'Correct it; the rest of the file was judged without this statement.',
    },
    rest: sql.slice(0, from) + blank(sql.slice(from, to)) + sql.slice(to),
  };
}

function directiveProblem(sql: string, { line, problem }: SqlDirectiveError): Problem {
  const lines = sql.split('\n');
  const text = lines[line - 1] ?? '';
  const comment = Math.max(0, text.indexOf('--'));
  return {
    told: {
      id: 'directive-not-understood',
      line,
      column: comment + 1,
      subject: text.slice(comment).trim(),
      effect: problem,
      remedy: 'Correct the comment, or remove it.',
    },
    rest: lines.with(line - 1, text.slice(0, comment) + blank(text.slice(comment))).join('\n'),
  };
}

const blank = (text: string): string =>
  [...text].map((character) => (character === '\n' ? '\n' : ' '.repeat(character.length))).join('');

/** The other way round than the parser's own counting: columns are characters. */
function indexAt(sql: string, line: number, column: number): number {
  const lines = sql.split('\n');
  const before = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  return before + [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length;
}

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly word: string | undefined;
  readonly isReserved: boolean;
}

/** From one semicolon to the next; of a text that has not even tokens, all that follows. */
async function statementAround(sql: string, at: number): Promise<Segment> {
  const parser = await loadParser();
  const bytes = Buffer.from(sql, 'utf8');
  const byteAt = Buffer.byteLength(sql.slice(0, at));
  const tokens = tokensOf(parser, sql);
  if (tokens === undefined) {
    return { from: sql.lastIndexOf(';', at - 1) + 1, to: sql.length, word: undefined, isReserved: false };
  }
  const ends = tokens.filter(({ text }) => text === ';').map(({ start }) => start);
  const from = (ends.filter((end) => end < byteAt).at(-1) ?? -1) + 1;
  const to = ends.find((end) => end >= byteAt) ?? bytes.length;
  const token = tokens.find(({ start, end }) => start <= byteAt && byteAt < end);
  return {
    from: bytes.toString('utf8', 0, from).length,
    to: bytes.toString('utf8', 0, to).length,
    word: token?.text,
    isReserved: token?.keywordName === 'RESERVED_KEYWORD',
  };
}

function tokensOf(parser: Awaited<ReturnType<typeof loadParser>>, sql: string) {
  try {
    return parser.scanSync(withoutControlCharacters(sql)).tokens;
  } catch {
    return undefined;
  }
}
