/** Keeps an executor whose lease has become another's from going on: the database remembers the latest token that it saw. */
import { GodwitError } from '../domain/errors';
import type { FencingToken } from '../domain/fencing-token';
import { type Session, SQLSTATE, StatementFailed } from '../ports/database';

/** Another run, or another process of this one, has got the lease since, and has worked on the database. */
export class StaleExecutor extends GodwitError {
  override readonly name = 'StaleExecutor';
  readonly kind = 'refused';
  readonly runId: string;
  readonly takenOverBy: string | undefined;

  constructor(runId: string, token: FencingToken, latest: Passage | undefined) {
    const who = latest ? `run ${latest.runId} at ${latest.passedAt.toISOString()}` : 'another run';
    const numbers = latest ? ` (fencing token ${latest.number}, and ours is ${token.number})` : '';
    super(
      `${runId} no longer holds the lease on this database: ${who} took over${numbers}. ` +
        `Let that finish, then run again. If it was in a journal that was put back to an earlier state since: ` +
        `DELETE FROM _godwit.fence WHERE realm = '${token.realm}'.`,
    );
    this.runId = runId;
    this.takenOverBy = latest?.runId;
  }
}

interface Passage {
  readonly number: number;
  readonly runId: string;
  readonly passedAt: Date;
}

/**
 * To be called by a session that has just got the executor lock, and only then: whoever comes later gets the lock, and
 * so past here, only when that session is gone, and until then no greater token can be recorded. A session that
 * succeeds it passes here again.
 *
 * Numbers are compared within one realm. A database that is restored remembers smaller ones, and one that is made anew
 * none, which lets everybody in; a deleted journal, another machine's journal or another stage's count in realms of
 * their own, and for them the lock alone decides.
 *
 * A role that may not create schemas cannot be fenced. The lock and the lease part executors all the same; what is
 * missing is the proof against one that lost both and comes back.
 * @throws StaleExecutor
 */
export async function passFence(session: Session, runId: string, token: FencingToken): Promise<void> {
  try {
    if (!(await fenceExists(session))) await createFence(session);
    if (await record(session, runId, token)) return;
  } catch (error) {
    if (error instanceof StatementFailed && error.sqlState === SQLSTATE.insufficientPrivilege) return;
    throw error;
  }
  throw new StaleExecutor(runId, token, await latestPassage(session, token.realm));
}

async function fenceExists(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>(
    "SELECT pg_catalog.to_regclass('_godwit.fence') IS NOT NULL AS found",
  );
  return rows[0]?.found === true;
}

/** In one implicit transaction, and without IF NOT EXISTS where the schema is there: that asks for the right to make one. */
async function createFence(session: Session): Promise<void> {
  const { rows } = await session.query<{ found: boolean }>(
    "SELECT pg_catalog.to_regnamespace('_godwit') IS NOT NULL AS found",
  );
  await session.query(`${rows[0]?.found === true ? '' : 'CREATE SCHEMA _godwit;'}
    CREATE TABLE _godwit.fence (
      realm     text PRIMARY KEY,
      token     bigint NOT NULL,
      run_id    text NOT NULL,
      passed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
    )`);
}

async function record(session: Session, runId: string, { realm, number }: FencingToken): Promise<boolean> {
  const { rowCount } = await session.query(
    `INSERT INTO _godwit.fence AS f (realm, token, run_id) VALUES ($1, $2, $3)
     ON CONFLICT (realm) DO UPDATE SET token = EXCLUDED.token, run_id = EXCLUDED.run_id, passed_at = EXCLUDED.passed_at
     WHERE f.token <= EXCLUDED.token`,
    [realm, number, runId],
  );
  return rowCount > 0;
}

async function latestPassage(session: Session, realm: string): Promise<Passage | undefined> {
  const { rows } = await session.query<{ number: string; runId: string; passedAt: Date }>(
    'SELECT token::text AS number, run_id AS "runId", passed_at AS "passedAt" FROM _godwit.fence WHERE realm = $1',
    [realm],
  );
  return rows[0] && { ...rows[0], number: Number(rows[0].number) };
}
