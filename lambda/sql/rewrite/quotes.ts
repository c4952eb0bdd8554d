/** Puts quotes back around names that lost them: without, Postgres folds them to small letters, under which nothing is known. */
import type { Catalog, CatalogRelation } from '../catalog';
import { relationsMentioned } from '../effects/effects';
import { type QualifiedName, quoted, shown } from '../names';
import { parseScript, type SqlStatement } from '../parse';
import type { ReplayedCatalog } from '../replay/replayed-catalog';
import { isTree } from '../search';
import { StatementText } from './statement-text';

export interface Requoted {
  readonly sql: string;
  readonly corrections: readonly { readonly line: number; readonly reason: string }[];
}

export async function withQuotes(sql: string, before: ReplayedCatalog): Promise<Requoted> {
  const replay = before.copy();
  const corrections: { line: number; reason: string }[] = [];
  const parts: string[] = [];
  let at = 0;
  for (const statement of (await parseScript(sql)).statements) {
    const { text, names } = await corrected(statement, replay.catalog);
    parts.push(sql.slice(at, statement.offset), text);
    at = statement.offset + statement.sql.length;
    const { line } = statement;
    const found = names.map((name) => ({ line, reason: reasonFor(name) }));
    corrections.push(...found);
    const [meant = statement] = names.length === 0 ? [statement] : (await parseScript(text)).statements;
    replay.apply(meant);
  }
  return { sql: [...parts, sql.slice(at)].join(''), corrections };
}

const reasonFor = (name: string): string =>
  `without quotes ${name} is read as ${shown(name.toLowerCase())}, which does not exist; ${quoted(name)} does`;

async function corrected(
  statement: SqlStatement,
  catalog: Catalog,
): Promise<{ readonly text: string; readonly names: readonly string[] }> {
  const relations = relationsMentioned(statement).relations.flatMap((name) => meant(name, catalog) ?? []);
  if (relations.length === 0) return { text: statement.sql, names: [] };
  const text = await StatementText.of(statement.sql);
  const [alone] = (await parseScript(statement.sql)).statements;
  const others = placesOfOthers(alone?.node);
  const names: string[] = [];
  let sql = '';
  let at = 0;
  for (const { start, end, text: word } of text.words) {
    if (others.has(start) || !isLost(word, relations, catalog)) continue;
    sql += `${text.exactly(at, start)}${quoted(word)}`;
    at = end;
    if (!names.includes(word)) names.push(word);
  }
  return { text: `${sql}${text.exactly(at, Buffer.byteLength(statement.sql))}`, names };
}

/** Names of types and functions, which may be spelled like a column. */
function placesOfOthers(tree: unknown): ReadonlySet<number> {
  const places = new Set<number>();
  const look = (branch: unknown): void => {
    if (Array.isArray(branch)) branch.forEach(look);
    else if (isTree(branch)) {
      const type = isTree(branch.typeName) ? branch.typeName : branch.TypeName;
      for (const other of [type, branch.FuncCall]) {
        if (isTree(other) && typeof other.location === 'number') places.add(other.location);
      }
      Object.values(branch).forEach(look);
    }
  };
  look(tree);
  return places;
}

/** Of a name that finds nothing, the one relation that only differs in the size of its letters. */
function meant(name: QualifiedName, catalog: Catalog): CatalogRelation | undefined {
  const found = catalog.find(name);
  if (found !== undefined) return found;
  const alike = catalog.rows.relations.filter(
    (relation) => relation.kind !== 'index' && relation.name.name.toLowerCase() === name.name,
  );
  return alike.length === 1 ? alike[0] : undefined;
}

function isLost(word: string, relations: readonly CatalogRelation[], catalog: Catalog): boolean {
  const folded = word.toLowerCase();
  if (folded === word || !isLetter(word.charAt(0))) return false;
  const columns = relations.flatMap((relation) => relation.columns.map(({ name }) => name));
  if (columns.includes(word)) return !columns.includes(folded);
  return (
    relations.some(({ name }) => name.name === word) &&
    catalog.find({ schema: undefined, name: folded }) === undefined
  );
}

const isLetter = (character: string): boolean => character.toLowerCase() !== character.toUpperCase();
