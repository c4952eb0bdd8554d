/** Chooses the tables to write probes into: first those that the scripts name or change, then others, up to a number. */
import type { Session } from '../../ports/database';
import { relationsMentioned } from '../../sql/effects/effects';
import { quotedName } from '../../sql/names';
import type { SqlStatement } from '../../sql/parse';
import type { ProbeTable, Tables } from './columns';

export interface ChosenTables {
  /** Named in a script, or another one than before. */
  readonly touched: readonly ProbeTable[];
  /** A DO block, a function or a trigger may reach these. */
  readonly others: readonly ProbeTable[];
}

/** A second's work. */
const MOST_TABLES = 100;

export async function chooseTables(
  session: Session,
  scripts: readonly SqlStatement[],
  { before, now }: { readonly before: Tables; readonly now: Tables },
): Promise<ChosenTables> {
  const named = new Set(await oidsOf(session, scripts.flatMap(namesIn)));
  const isTouched = (table: ProbeTable): boolean =>
    named.has(table.oid) || JSON.stringify(before.get(table.oid)?.columns) !== JSON.stringify(table.columns);
  const tables = [...now.values()];
  const touched = tables.filter(isTouched).slice(0, MOST_TABLES);
  const others = tables.filter((table) => !isTouched(table)).slice(0, MOST_TABLES - touched.length);
  return { touched, others };
}

function namesIn(statement: SqlStatement): readonly string[] {
  const { relations, doomed } = relationsMentioned(statement);
  return [...relations, ...doomed.map(({ name }) => name)].map(quotedName);
}

/** Of tables; an index stands for its table, and a table for its partitions, too. */
async function oidsOf(session: Session, names: readonly string[]): Promise<readonly string[]> {
  const { rows } = await session.query<{ oid: string }>(OIDS, [[...new Set(names)]]);
  return rows.map(({ oid }) => oid);
}

const OIDS = `
with recursive named as (
  select coalesce(i.indrelid, to_regclass(name)::oid) as oid
    from unnest($1::text[]) as name left join pg_index i on i.indexrelid = to_regclass(name)
  union
  select h.inhrelid from named join pg_inherits h on h.inhparent = named.oid
)
select oid::text as oid from named where oid is not null`;
