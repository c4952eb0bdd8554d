/** Parts a script into what is rewritten piece by piece: statements, and the actions of an ALTER TABLE. */
import type { AlterTableCmd, AlterTableStmt } from 'libpg-query';
import { type Directive, type Node, type ParsedScript, parseScript, type SqlStatement } from '../parse';
import { sameTree } from '../search';
import { StatementText } from './statement-text';

export interface Unit {
  /** Parsed alone: its parser's locations are places in its own text. */
  readonly statement: SqlStatement;
  readonly text: StatementText;
  /** In the script. */
  readonly line: number;
  /** Index of the statement in the script. */
  readonly source: number;
  /** What stands above it: comments and white space, as written. */
  readonly leading: string;
  /** Of an ALTER TABLE with several actions. */
  readonly action?: { readonly head: string; readonly body: string };
  /** A person has given a reason to leave it as it is. */
  readonly isAllowed: boolean;
}

export interface UnitedScript {
  readonly units: readonly Unit[];
  /** Statements as written, by their index. */
  readonly sources: readonly { readonly sql: string; readonly leading: string }[];
  /** Behind the last statement. */
  readonly tail: string;
}

export async function unitsOf(sql: string, script: ParsedScript): Promise<UnitedScript> {
  const { leadings, tail } = aroundStatements(sql, script);
  const units: Unit[] = [];
  for (const [source, statement] of script.statements.entries()) {
    const leading = leadings[source] ?? '';
    const allowed = script.directives.some((directive) => isAllowanceOf(directive, source));
    const shared = { source, line: statement.line, isAllowed: allowed };
    units.push(...(await unitsOfStatement(statement, leading, shared)));
  }
  const sources = script.statements.map((statement, index) => ({
    sql: statement.sql,
    leading: leadings[index] ?? '',
  }));
  return { units, sources, tail };
}

/** Of the statement, or of the whole file. */
const isAllowanceOf = (directive: Directive, source: number): boolean =>
  directive.name === 'allow' && (directive.statement ?? source + 1) === source + 1;

/** A comment that follows a statement on its line stays with it: it opens what stands above the next one. */
function aroundStatements(sql: string, { statements }: ParsedScript): { leadings: string[]; tail: string } {
  let at = 0;
  const leadings = statements.map((statement) => {
    const leading = sql.slice(at, statement.offset);
    at = behindSemicolon(sql, statement.offset + statement.sql.length);
    return leading;
  });
  return { leadings, tail: sql.slice(at) };
}

/** Nothing but white space and comments stands between a statement and its semicolon. */
function behindSemicolon(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && sql[at] !== ';') {
    if (sql.startsWith('--', at)) {
      const end = sql.indexOf('\n', at);
      at = end < 0 ? sql.length : end;
    } else if (sql.startsWith('/*', at)) {
      const end = sql.indexOf('*/', at);
      at = end < 0 ? sql.length : end + 2;
    } else at += 1;
  }
  return Math.min(at + 1, sql.length);
}

type Shared = Pick<Unit, 'source' | 'line' | 'isAllowed'>;

async function unitsOfStatement(
  statement: SqlStatement,
  leading: string,
  shared: Shared,
): Promise<readonly Unit[]> {
  const whole = await unitOf(statement.sql, leading, shared);
  const { node } = whole.statement;
  const kept = statement.backfill === undefined ? whole : withMark(whole, statement);
  if (!('AlterTableStmt' in node) || (node.AlterTableStmt.cmds ?? []).length < 2) return [kept];
  const actions = actionsOf(whole.text, node.AlterTableStmt);
  const { head } = actions;
  const units: Unit[] = [];
  for (const [index, body] of actions.bodies.entries()) {
    const unit = await unitOf(`${head} ${body}`, index === 0 ? leading : '', shared).catch(() => undefined);
    if (unit === undefined || !isAction(unit.statement.node, node.AlterTableStmt.cmds?.[index]))
      return [kept];
    units.push({ ...unit, action: { head, body } });
  }
  return units.length === (node.AlterTableStmt.cmds ?? []).length ? units : [kept];
}

const withMark = (unit: Unit, { backfill }: SqlStatement): Unit => ({
  ...unit,
  statement: { ...unit.statement, ...(backfill === undefined ? {} : { backfill }) },
});

export async function unitOf(sql: string, leading: string, shared: Shared): Promise<Unit> {
  const { statements } = await parseScript(sql);
  const [statement] = statements;
  if (statement === undefined || statements.length > 1) throw new Error(`Not one statement: ${sql}`);
  return { statement, text: await StatementText.of(sql), leading, ...shared };
}

/** No action has a comma of its own outside of parentheses. */
function actionsOf(text: StatementText, { relation }: AlterTableStmt): { head: string; bodies: string[] } {
  const name = text.words.findIndex(({ start }) => start >= (relation?.location ?? 0));
  let next = name + 1;
  while (text.words[next]?.text === '.') next += 2;
  if (text.words[next]?.text === '*') next += 1;
  const bodies: string[] = [];
  let from = text.words[next]?.start ?? 0;
  for (const word of text.words.slice(next)) {
    if (word.text !== ',' || word.depth > 0) continue;
    bodies.push(text.between(from, word.start));
    from = word.end;
  }
  bodies.push(text.between(from));
  return { head: text.between(0, text.words[next]?.start ?? 0), bodies };
}

const isAction = (node: Node, expected: Node | undefined): boolean =>
  'AlterTableStmt' in node &&
  (node.AlterTableStmt.cmds ?? []).length === 1 &&
  sameTree(node.AlterTableStmt.cmds?.[0], expected);

/** The one action of a unit of ALTER TABLE. */
export function actionOf({ statement: { node } }: Unit): AlterTableCmd | undefined {
  if (!('AlterTableStmt' in node) || node.AlterTableStmt.objtype !== 'OBJECT_TABLE') return undefined;
  const [command, ...more] = node.AlterTableStmt.cmds ?? [];
  if (command === undefined || more.length > 0 || !('AlterTableCmd' in command)) return undefined;
  return command.AlterTableCmd;
}
