/** Narrows a statement to a part of its rows by adding to its WHERE, and proves by parsing that nothing else changed. */
import type { ResTarget, ScanToken } from 'libpg-query';
import { GodwitError } from '../domain/errors';
import { type Write, writeOf } from './backfill';
import { quoted, quotedName } from './names';
import { loadParser, type Node, parseScript, type SqlStatement, withoutControlCharacters } from './parse';
import { sameTree, some } from './search';

/** The text could not be narrowed without changing what the statement means. */
export class SpliceFailed extends GodwitError {
  override readonly name = 'SpliceFailed';
  readonly kind = 'usage';

  constructor(statement: SqlStatement) {
    super(
      `The statement on line ${statement.line} could not be given a condition for its batches: ` +
        'write its WHERE clause more plainly, or remove `godwit:backfill`.',
    );
  }
}

export interface Narrowed {
  readonly sql: string;
  /** Where in the statement as written a position in `sql` is (both from 1); undefined for what was added. */
  originalPosition(position: number): number | undefined;
}

/** @throws SpliceFailed */
export async function narrowed(statement: SqlStatement, condition: string): Promise<Narrowed> {
  const { whereEnd } = await outline(statement);
  const { sql } = statement;
  const text =
    whereEnd === undefined
      ? `${sql} WHERE ${condition}`
      : `${sql.slice(0, whereEnd)}(${sql.slice(whereEnd)}) AND (${condition})`;
  if (!(await onlyAdds(statement, text, condition))) throw new SpliceFailed(statement);
  const wordsBefore = [...sql.slice(0, whereEnd ?? sql.length)].length;
  const inserted = whereEnd === undefined ? 0 : 1;
  const length = [...sql].length;
  return {
    sql: text,
    originalPosition: (position) => {
      const original = position <= wordsBefore ? position : position - inserted;
      return original <= length ? original : undefined;
    },
  };
}

/** Answers a row where one is left that satisfies the WHERE and the condition; undefined where only a join could tell. */
export async function leftOverQuery(statement: SqlStatement, condition: string): Promise<string | undefined> {
  const { node, sql } = statement;
  const write = writeOf(statement);
  const root = 'UpdateStmt' in node ? node.UpdateStmt : 'DeleteStmt' in node ? node.DeleteStmt : {};
  if (write === undefined || root.withClause !== undefined) return undefined;
  if ('fromClause' in root || 'usingClause' in root) return undefined;
  const { whereEnd } = await outline(statement);
  const { table, only, reference } = write;
  const source = `${only ? 'ONLY ' : ''}${quotedName(table)}`;
  const alias = reference === quotedName(table) ? '' : ` AS ${reference}`;
  const where = whereEnd === undefined ? '' : `(${sql.slice(whereEnd)}) AND `;
  return `SELECT 1 FROM ${source}${alias} WHERE ${where}(${condition}) LIMIT 1`;
}

async function onlyAdds(statement: SqlStatement, text: string, condition: string): Promise<boolean> {
  const [before, after, added] = [statement, await parsed(text), await parsed(`SELECT WHERE ${condition}`)];
  if (after === undefined || added === undefined || !('SelectStmt' in added)) return false;
  const [one, other] = [partsOf(before.node), partsOf(after)];
  if (one === undefined || other === undefined || !sameTree(one.rest, other.rest)) return false;
  const expected = [...conjunctsOf(one.where), added.SelectStmt.whereClause];
  // The grammar flattens an AND on the left of an AND, and leaves the one on the right as it is.
  const actual = one.where === undefined ? [other.where] : conjunctsOf(other.where);
  return sameTree(expected, actual);
}

function partsOf(node: Node): { rest: unknown; where: Node | undefined } | undefined {
  const root = 'UpdateStmt' in node ? node.UpdateStmt : 'DeleteStmt' in node ? node.DeleteStmt : undefined;
  if (root === undefined) return undefined;
  const { whereClause, ...rest } = root;
  return { rest: [Object.keys(node), rest], where: whereClause };
}

function conjunctsOf(where: Node | undefined): readonly Node[] {
  if (where === undefined) return [];
  if ('BoolExpr' in where && where.BoolExpr.boolop === 'AND_EXPR') return where.BoolExpr.args ?? [];
  return [where];
}

async function parsed(sql: string): Promise<Node | undefined> {
  const { statements } = await parseScript(sql).catch(() => ({ statements: [] }));
  return statements.length === 1 ? statements[0]?.node : undefined;
}

interface Outline {
  /** Behind the statement's own WHERE, in characters. */
  readonly whereEnd: number | undefined;
  /** Places outside of parentheses, in characters: behind a `=`, and before whatever may end an assignment. */
  readonly afterEquals: readonly number[];
  readonly ends: readonly number[];
}

const OPENING: readonly string[] = ['(', '['];
const CLOSING: readonly string[] = [')', ']'];

/** A subquery stands in parentheses: the words outside of them are the statement's own. */
async function outline({ sql }: SqlStatement): Promise<Outline> {
  const { scanSync } = await loadParser();
  const { tokens } = scanSync(withoutControlCharacters(sql));
  const own = outsideOfParentheses(tokens);
  const bytes = Buffer.from(sql, 'utf8');
  const characters = (offset: number): number => bytes.toString('utf8', 0, offset).length;
  const isWord = ({ text, keywordName }: ScanToken, word: string): boolean =>
    keywordName === 'RESERVED_KEYWORD' && text.toUpperCase() === word;
  const where = own.find((token) => isWord(token, 'WHERE'));
  const ends = own.filter((token) => token.text === ',' || isWord(token, 'FROM') || isWord(token, 'WHERE'));
  return {
    whereEnd: where === undefined ? undefined : characters(where.end),
    afterEquals: own.filter(({ text }) => text === '=').map(({ end }) => characters(end)),
    ends: [...ends.map(({ start }) => characters(start)), sql.length],
  };
}

function outsideOfParentheses(tokens: readonly ScanToken[]): readonly ScanToken[] {
  let depth = 0;
  return tokens.filter(({ text }) => {
    if (OPENING.includes(text)) depth += 1;
    else if (CLOSING.includes(text)) depth -= 1;
    else return depth === 0;
    return false;
  });
}

/**
 * What a second pass adds to the WHERE, so that it touches only rows that are not done and that it will have done:
 * `true` where the WHERE says so by itself. Undefined where a row once done could be matched, and so written, again.
 *
 * It takes `SET c = e WHERE c IS NULL` (with `e IS NOT NULL` added: else rows with nothing to put there would be written
 * in every pass) and `SET c = e WHERE c IS DISTINCT FROM e`, with whatever else is joined by AND; no assignment may read
 * what another assigns, as `n = n + 1` does.
 */
export async function repeatCondition(statement: SqlStatement): Promise<string | undefined> {
  const write = writeOf(statement);
  if (write === undefined || write.command === 'DELETE' || readsWhatItAssigns(write)) return undefined;
  for (const conjunct of conjunctsOf(write.where)) {
    for (const assignment of write.assignments) {
      if (tellsDistinct(conjunct, assignment, write)) return 'true';
      if (tellsNull(conjunct, assignment, write)) {
        const text = await expressionText(statement, assignment);
        // A comment may end the text.
        return text === undefined ? undefined : `(${text}\n) IS NOT NULL`;
      }
    }
  }
  return undefined;
}

function readsWhatItAssigns({ assignments, reference }: Write): boolean {
  const names = assignments.map(({ name }) => name ?? '');
  return assignments.some(
    ({ val, indirection }) =>
      indirection !== undefined ||
      some(val, (branch) => {
        if (['A_Star', 'MultiAssignRef', 'SetToDefault'].some((kind) => kind in branch)) return true;
        const parts = columnParts(branch);
        // One that is called as the table is the whole row.
        return (
          parts !== undefined &&
          (names.includes(parts.at(-1) ?? '') || reference.endsWith(quoted(parts.at(-1) ?? '')))
        );
      }),
  );
}

function columnParts(branch: object): readonly string[] | undefined {
  if (!('ColumnRef' in branch)) return undefined;
  const { fields = [] } = branch.ColumnRef as { fields?: readonly Node[] };
  return fields.map((field) => ('String' in field ? (field.String.sval ?? '') : '*'));
}

function isColumn(node: Node | undefined, { name }: ResTarget, { table, reference }: Write): boolean {
  const parts = node === undefined ? undefined : columnParts(node);
  if (parts === undefined || parts.at(-1) !== name) return false;
  const qualifiers = parts.slice(0, -1).map(quoted);
  if (qualifiers.length === 0) return true;
  if (qualifiers.join('.') === reference) return true;
  // With an alias, the table's own name can only be another one's.
  return reference === quotedName(table) && qualifiers.join('.') === quoted(table.name);
}

const tellsNull = (conjunct: Node, assignment: ResTarget, write: Write): boolean =>
  'NullTest' in conjunct &&
  conjunct.NullTest.nulltesttype === 'IS_NULL' &&
  isColumn(conjunct.NullTest.arg, assignment, write);

function tellsDistinct(conjunct: Node, assignment: ResTarget, write: Write): boolean {
  if (!('A_Expr' in conjunct) || conjunct.A_Expr.kind !== 'AEXPR_DISTINCT') return false;
  const { lexpr, rexpr } = conjunct.A_Expr;
  return isColumn(lexpr, assignment, write) && sameTree(rexpr, assignment.val);
}

/** As written: whichever piece between a `=` and a possible end the parser takes for the assigned expression. */
async function expressionText(statement: SqlStatement, { val }: ResTarget): Promise<string | undefined> {
  const { afterEquals, ends } = await outline(statement);
  for (const from of afterEquals) {
    for (const to of ends) {
      if (to <= from) continue;
      const text = statement.sql.slice(from, to).trim();
      const node = await parsed(`SELECT (${text}\n)`);
      const target = node !== undefined && 'SelectStmt' in node ? node.SelectStmt.targetList?.[0] : undefined;
      if (target !== undefined && 'ResTarget' in target && sameTree(target.ResTarget.val, val)) return text;
    }
  }
  return undefined;
}
