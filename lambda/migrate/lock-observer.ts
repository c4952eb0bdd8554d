/** Sees, inside a rehearsal's transaction, which relation locks a statement took and whether it wrote a table anew. */
import type { Session } from '../ports/database';

export interface ObservedEffects {
  readonly locks: readonly { readonly relation: string; readonly mode: string }[];
  readonly rewrites: boolean;
}

/** Locks are kept until the transaction ends: what was held before the statement is not the statement's. */
export class LockObserver {
  readonly #session: Session;
  readonly #held = new Set<string>();
  /** File of each table that existed when the transaction began, by oid; locks on later ones stand in nobody's way. */
  readonly #files: ReadonlyMap<number, string | null>;

  private constructor(session: Session, files: ReadonlyMap<number, string | null>) {
    this.#session = session;
    this.#files = files;
  }

  /** To be called in the transaction, before its first statement. */
  static async begin(session: Session): Promise<LockObserver> {
    const { rows } = await session.query<{ oid: number; file: string | null }>(FILES);
    const observer = new LockObserver(session, new Map(rows.map(({ oid, file }) => [oid, file])));
    await observer.lookAgain();
    return observer;
  }

  async lookAgain(): Promise<ObservedEffects> {
    const { rows } = await this.#session.query<{
      oid: number;
      name: string;
      mode: string;
      file: string | null;
    }>(LOCKS);
    const known = rows.filter(({ oid }) => this.#files.has(oid));
    const fresh = known.filter(({ oid, mode }) => !this.#held.has(`${oid} ${mode}`));
    for (const { oid, mode } of fresh) this.#held.add(`${oid} ${mode}`);
    return {
      locks: fresh.map(({ name, mode }) => ({ relation: name, mode })),
      rewrites: fresh.some(({ oid, file }) => this.#files.get(oid) !== file),
    };
  }
}

const FILES = `
SELECT c.oid AS oid, pg_catalog.pg_relation_filenode(c.oid)::text AS file
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname <> 'pg_catalog' AND n.nspname <> '_godwit'`;

const LOCKS = `
SELECT c.oid AS oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, l.mode,
       pg_catalog.pg_relation_filenode(c.oid)::text AS file
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname <> 'pg_catalog' AND n.nspname <> '_godwit'
 ORDER BY 2, 3`;
