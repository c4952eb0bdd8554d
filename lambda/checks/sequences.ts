/** Where sequences stand: one that went back, or that is behind its column, hands out a key that is taken already. */
import { messageOf } from '../domain/errors';
import type { Session } from '../ports/database';
import { StatementFailed } from '../ports/database';

export type SequencePosition =
  | {
      /** What it hands out next, in decimal. */
      readonly next: string;
      readonly increment: string;
      /** `public.wallet.id is at 7 already`: where it is behind the indexed column that it fills. */
      readonly taken?: string;
    }
  | { readonly problem: string };

/** By quoted name with schema. */
export type SequencePositions = Readonly<Record<string, SequencePosition>>;

interface Row {
  readonly sequence: string;
  readonly increment: string;
  readonly table: string | null;
  readonly column: string | null;
}

/**
 * Sequences are no part of a snapshot: every transaction sees where they stand now. Recovered, they stand up to 32 numbers
 * further, for so many are logged at once.
 */
export async function readSequences(session: Session): Promise<SequencePositions> {
  const { rows } = await session.query<Row>(SEQUENCES);
  const positions: Record<string, SequencePosition> = {};
  for (const row of rows) {
    try {
      positions[row.sequence] = await positionOf(session, row);
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      positions[row.sequence] = { problem: messageOf(error) };
    }
  }
  return positions;
}

async function positionOf(
  session: Session,
  { sequence, increment, table, column }: Row,
): Promise<SequencePosition> {
  const [furthest, reached] = Number(increment) > 0 ? ['max', '>='] : ['min', '<='];
  const top = table === null ? 'null::numeric' : `(select ${furthest}(${column})::numeric from ${table})`;
  const { rows } = await session.query<{ next: string; top: string | null; isTaken: boolean | null }>(
    `select next::text, top::text, top ${reached} next as "isTaken"
       from (select last_value::numeric + case when is_called then ${increment} else 0 end as next, ${top} as top
               from ${sequence}) as position`,
  );
  const [row] = rows as [(typeof rows)[number]];
  const taken = row.isTaken ? { taken: `${table}.${column} is at ${row.top} already` } : {};
  return { next: row.next, increment, ...taken };
}

/** What keeps those of before from being relied on, line by line; those that are gone are the catalog's to tell. */
export const faultsSince = (before: SequencePositions, after: SequencePositions): readonly string[] =>
  Object.entries(before).flatMap(([sequence, was]) => {
    const is = after[sequence];
    if (is === undefined || 'problem' in was) return [];
    if ('problem' in is) return [`${sequence}: ${is.problem}`];
    if (!isAtLeast(is.next, was)) return [`${sequence}: hands out ${is.next} next, instead of ${was.next}`];
    return was.taken === undefined ? takenBy(sequence, is) : [];
  });

export const takenBy = (sequence: string, position: SequencePosition): readonly string[] =>
  'problem' in position || position.taken === undefined
    ? []
    : [`${sequence}: hands out ${position.next} next, and ${position.taken}`];

/**
 * Positions that were reached no later than at some moment between the two readings: with what is known of either to be
 * taken, and without those that went back meanwhile.
 */
export const reachedBetween = (first: SequencePositions, second: SequencePositions): SequencePositions =>
  Object.fromEntries(
    Object.entries(first).flatMap(([sequence, was]) => {
      const is = second[sequence];
      if (is === undefined || 'problem' in is || 'problem' in was || !isAtLeast(is.next, was)) return [];
      return [[sequence, { ...is, ...was }]];
    }),
  );

const isAtLeast = (next: string, was: { readonly next: string; readonly increment: string }): boolean =>
  was.increment.startsWith('-') ? BigInt(next) <= BigInt(was.next) : BigInt(next) >= BigInt(was.next);

/**
 * Those that begin anew by themselves are left out, and unlogged ones, which a recovery sets back. Columns where no index
 * has the furthest value at hand would be read as a whole; where none is unique, no key is taken.
 */
const SEQUENCES = `
select format('%I.%I', n.nspname, s.relname) as sequence, q.seqincrement::text as increment, o.table, o.column
  from pg_class s
  join pg_namespace n on n.oid = s.relnamespace
  join pg_sequence q on q.seqrelid = s.oid and not q.seqcycle
  left join lateral (
    select format('%I.%I', cn.nspname, c.relname) as table, quote_ident(a.attname) as column
      from pg_depend d
      join pg_class c on c.oid = d.refobjid
      join pg_namespace cn on cn.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
      join pg_type t on t.oid = a.atttypid
     where d.objid = s.oid and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
       and d.deptype in ('a', 'i')
       and coalesce(nullif(t.typbasetype, 0), t.oid) in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
       and exists (select from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am am on am.oid = ic.relam
                    where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null and am.amname = 'btree')
  ) as o on true
 where s.relkind = 'S' and s.relpersistence = 'p'
   and n.nspname not in ('information_schema', '_godwit') and n.nspname not like 'pg\\_%'
 order by 1`;
