/** Runs a statement in a transaction that is rolled back, and tells what it locked, read and wrote anew. */
import { pictureCatalog } from '../../lambda/checks/catalog';
import { readCatalog } from '../../lambda/migrate/catalog/read-catalog';
import type { Session } from '../../lambda/ports/database';
import { effectsOf, type StatementEffects } from '../../lambda/sql/effects/effects';
import { LOCK_MODES, type LockMode } from '../../lambda/sql/lock-modes';
import { parseScript, type SqlStatement } from '../../lambda/sql/parse';

interface Relation {
  readonly oid: number;
  readonly name: string;
  readonly kind: string;
  readonly file: string | null;
}

export type Locks = ReadonlyMap<string, LockMode>;

export interface Seen {
  readonly locks: Locks;
  readonly scans: readonly string[];
  readonly rewrites: readonly string[];
}

export const rankOf = (mode: LockMode): number => LOCK_MODES.indexOf(mode);

/** Weaker ones on indexes come with every plan, and stand in the way of nothing but DROP INDEX and its like. */
const WEAKEST_ON_INDEX = rankOf('ShareUpdateExclusiveLock');

export const nameOf = ({ schema, name }: { schema: string; name: string }): string => `${schema}.${name}`;

export class LockProbe {
  readonly #session: Session;
  readonly #before: ReadonlyMap<number, Relation>;

  private constructor(session: Session, before: readonly Relation[]) {
    this.#session = session;
    this.#before = new Map(before.map((relation) => [relation.oid, relation]));
  }

  /** All relations that exist now count as existing before the statement. */
  static async begin(session: Session): Promise<LockProbe> {
    return new LockProbe(session, await relations(session));
  }

  async predict(sql: string): Promise<{ statement: SqlStatement; effects: StatementEffects }> {
    const [statement] = (await parseScript(sql)).statements;
    if (statement === undefined) throw new Error(`no statement in ${sql}`);
    return { statement, effects: effectsOf(statement, await readCatalog(this.#session, [statement])) };
  }

  predictedLocks(effects: StatementEffects): Locks {
    return this.#counted(effects.locks.map(({ oid, mode }) => ({ oid, mode })));
  }

  async observe(sql: string): Promise<Seen> {
    const scansBefore = await scans(this.#session);
    await this.#session.query(sql);
    const locks = await this.locksOf(this.#session.backendPid);
    const after = await scans(this.#session);
    const files = new Map((await relations(this.#session)).map(({ name, file }) => [name, file]));
    const known = [...this.#before.values()];
    return {
      locks,
      scans: known
        .filter(({ oid }) => (after.get(oid) ?? 0) > (scansBefore.get(oid) ?? 0))
        .map(({ name }) => name)
        .sort(),
      rewrites: known
        .filter(({ kind, name, file }) => kind !== 'S' && files.has(name) && files.get(name) !== file)
        .map(({ name }) => name)
        .sort(),
    };
  }

  /** Held and asked for. */
  async locksOf(pid: number): Promise<Locks> {
    const { rows } = await this.#session.query<{ oid: number; mode: LockMode }>(
      `SELECT relation::int AS oid, mode FROM pg_locks WHERE pid = $1 AND locktype = 'relation'`,
      [pid],
    );
    return this.#counted(rows);
  }

  /** Whether the statement, which has run already, runs once more and leaves the schema as it is. */
  async runsAgain(sql: string): Promise<boolean> {
    await this.#session.query('SAVEPOINT once_more');
    try {
      await this.#session.query(sql);
    } catch {
      return false;
    }
    const after = await pictureCatalog(this.#session);
    await this.#session.query('ROLLBACK TO once_more');
    return JSON.stringify(await pictureCatalog(this.#session)) === JSON.stringify(after);
  }

  #counted(locks: readonly { readonly oid: number; readonly mode: LockMode }[]): Locks {
    const strongest = new Map<string, LockMode>();
    for (const { oid, mode } of locks) {
      const relation = this.#before.get(oid);
      if (relation === undefined) continue;
      if (['i', 'I'].includes(relation.kind) && rankOf(mode) < WEAKEST_ON_INDEX) continue;
      const known = strongest.get(relation.name);
      if (known === undefined || rankOf(known) < rankOf(mode)) strongest.set(relation.name, mode);
    }
    return strongest;
  }
}

const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;

async function relations(session: Session): Promise<readonly Relation[]> {
  const { rows } = await session.query<Relation>(
    `SELECT c.oid::int AS oid, n.nspname || '.' || c.relname AS name, c.relkind AS kind, pg_relation_filenode(c.oid)::text AS file
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS}`,
  );
  return rows;
}

async function scans(session: Session): Promise<ReadonlyMap<number, number>> {
  const { rows } = await session.query<{ oid: number; scans: number }>(
    `SELECT c.oid::int AS oid, pg_stat_get_xact_numscans(c.oid)::int AS scans
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS} AND c.relkind IN ('r', 'm')`,
  );
  return new Map(rows.map(({ oid, scans: count }) => [oid, count]));
}
