/** Looks into DO blocks, and into functions that their own migration calls: the statements in them are judged like any other. */
import type { Migration } from '../../domain/migration';
import { functionsIn } from '../../sql/effects/names';
import { nameParts, type QualifiedName } from '../../sql/names';
import { loadParser, type Node, type ParsedScript, parseScript, type SqlStatement } from '../../sql/parse';
import { isTree } from '../../sql/search';
import { nodesOf } from './read';
import { readScript } from './read-script';

export interface HiddenCode {
  /** With places in the migration's own script. */
  readonly statements: readonly SqlStatement[];
  /** Expressions that EXECUTE runs, and that only the moment composes. */
  readonly dynamic: readonly string[];
  /** Functions, or the language of a block, into which nobody looked. */
  readonly unread: readonly string[];
}

export const NOTHING_HIDDEN: HiddenCode = { statements: [], dynamic: [], unread: [] };

export async function hiddenIn(
  statement: SqlStatement,
  script: ParsedScript,
  sql: string,
): Promise<HiddenCode> {
  const { node } = statement;
  if ('DoStmt' in node) return lookInto(statement, sql);
  if (!('CallStmt' in node) && !('SelectStmt' in node)) return NOTHING_HIDDEN;
  const called = functionsCalled(node).map(({ name }) => name);
  const sources = script.statements.filter(
    ({ node: other }) =>
      'CreateFunctionStmt' in other &&
      called.includes((other.CreateFunctionStmt.funcname ?? []).flatMap(nameParts).at(-1) ?? ''),
  );
  const all = await Promise.all(sources.map((source) => lookInto(source, sql)));
  return {
    statements: all.flatMap(({ statements }) => statements),
    dynamic: all.flatMap(({ dynamic }) => dynamic),
    unread: all.flatMap(({ unread }) => unread),
  };
}

/** A CALL has its function in a field of its own. */
export const functionsCalled = (node: Node): readonly QualifiedName[] =>
  'CallStmt' in node ? functionsIn({ FuncCall: node.CallStmt.funccall }) : functionsIn(node);

/** Every statement of the migrations, those in blocks included: what a database's catalog is to be read for. */
export async function statementsIn(
  migrations: readonly Pick<Migration, 'sql'>[],
): Promise<readonly SqlStatement[]> {
  const all: SqlStatement[] = [];
  for (const migration of migrations) {
    const { script, sql } = await readScript(migration.sql);
    for (const statement of script.statements) {
      all.push(statement, ...(await hiddenIn(statement, script, sql)).statements);
    }
  }
  return all;
}

async function lookInto(source: SqlStatement, sql: string): Promise<HiddenCode> {
  const parser = await loadParser();
  const language = languageOf(source);
  if (language !== 'plpgsql') return { ...NOTHING_HIDDEN, unread: [`code in ${language}`] };
  let tree: unknown;
  try {
    tree = parser.parsePlPgSQLSync(source.sql);
  } catch {
    return { ...NOTHING_HIDDEN, unread: ['code that cannot be parsed'] };
  }
  const statements: SqlStatement[] = [];
  const dynamic: string[] = [];
  const fixed = nodesOf(tree, 'PLpgSQL_stmt_execsql').flatMap(({ sqlstmt }) => queryOf(sqlstmt));
  const executed = nodesOf(tree, 'PLpgSQL_stmt_dynexecute').flatMap(({ query }) => queryOf(query));
  for (const text of executed) {
    const constant = await constantOf(text);
    if (constant === undefined) dynamic.push(text);
    else fixed.push(constant);
  }
  for (const text of fixed) statements.push(...(await parsedAt(text, source, sql)));
  return { statements, dynamic, unread: [] };
}

function languageOf({ node }: SqlStatement): string {
  const options = nodesOf(node, 'DefElem').filter(({ defname }) => defname === 'language');
  const [option] = options;
  const value = isTree(option?.arg) && isTree(option.arg.String) ? option.arg.String.sval : undefined;
  return typeof value === 'string' ? value.toLowerCase() : 'plpgsql';
}

const queryOf = (expression: unknown): readonly string[] => {
  const inner =
    isTree(expression) && isTree(expression.PLpgSQL_expr) ? expression.PLpgSQL_expr.query : undefined;
  return typeof inner === 'string' ? [inner] : [];
};

/** Of `EXECUTE 'DROP TABLE x'`. */
async function constantOf(expression: string): Promise<string | undefined> {
  const script = await parseScript(`SELECT ${expression}`).catch(() => undefined);
  const node = script?.statements[0]?.node;
  const [target] = node !== undefined && 'SelectStmt' in node ? (node.SelectStmt.targetList ?? []) : [];
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined;
  return value !== undefined && 'A_Const' in value ? value.A_Const.sval?.sval : undefined;
}

/** Blanks stand before it, so that its places are those of the script. What is no SQL by itself is left out. */
async function parsedAt(text: string, source: SqlStatement, sql: string): Promise<readonly SqlStatement[]> {
  const inside = source.sql.indexOf(text);
  const offset = source.offset + Math.max(0, inside);
  const before = sql.slice(0, offset).replaceAll(/[^\n]/g, ' ');
  const script = await parseScript(before + text).catch(() => undefined);
  return script?.statements ?? [];
}
