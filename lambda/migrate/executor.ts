/** Applies migrations one file at a time, each atomic or resumable, and takes one back by its down script. */
import { GodwitError, messageOf } from '../domain/errors';
import { checksumOf } from '../domain/migration';
import type { MigrationFailure, StatementTiming } from '../domain/run';
import { type Session, withSession } from '../ports/database';
import { planOf, problemsOf } from '../sql/facts';
import { type ParsedScript, parseScript } from '../sql/parse';
import { leavesSessionAlone } from '../sql/settings';
import { passFence } from './fence';
import { runDownFile, runUpFile } from './files';
import { LedgerHistory } from './history';
import { ensureLedger } from './ledger';
import type { DownRequest, ExecutorRequest, MigrateOutcome, MigrateRequest } from './outcome';
import { ExecutorSessions } from './sessions';
import { EXECUTOR_NAME, type LockWatch, startLockWatch } from './watch/lock-watch';

export type { DownRequest, MigrateOutcome, MigrateRequest, StatementEvent } from './outcome';

/** As long as Prisma waits. */
const EXECUTOR_LOCK_WAIT_MS = 10_000;

/**
 * Called again after whatever interruption, it goes on from there.
 * @throws AnotherExecutorHolds, StaleExecutor, or an error of the Database port where it cannot be told how things stand
 */
export async function migrate(request: MigrateRequest): Promise<MigrateOutcome> {
  const applied: string[] = [];
  const alreadyApplied: string[] = [];
  const statements: StatementTiming[] = [];
  const progressed = { applied, alreadyApplied, statements };
  const scripts = new Map<string, ParsedScript>();
  for (const migration of request.migrations) {
    const parsed = await parseFile(migration.name, migration.sql);
    if ('failed' in parsed) return { outcome: 'failed', failed: parsed.failed, ...progressed };
    scripts.set(migration.name, parsed.script);
  }
  return withExecutor(request, progressed, async ({ sessions, watch }) => {
    const history = new LedgerHistory(await ensureLedger(await sessions.open()));
    for (const migration of request.migrations) {
      const script = scripts.get(migration.name);
      if (script === undefined) continue;
      const { mode } = planOf(script);
      const file = { request, migration, script, mode, sessions, watch, history };
      const result = await runUpFile(file);
      statements.push(...result.timings);
      if (result.outcome === 'waiting') return { outcome: 'waiting', ...progressed };
      if (result.outcome === 'failed') return { outcome: 'failed', failed: result.failed, ...progressed };
      if (result.outcome === 'needs-long-runner') {
        const { outcome, statement, estimateMs } = result;
        return { outcome, migration: migration.name, statement, estimateMs, ...progressed };
      }
      if (result.outcome === 'aborted') {
        const { statementsDone } = result;
        return { outcome: 'aborted', inMigration: migration.name, statementsDone, ...progressed };
      }
      (result.foundApplied === "another's" ? alreadyApplied : applied).push(migration.name);
      // Outside of transactions the executor itself sets limits in the session.
      const isAsBefore = mode === 'atomic' && script.statements.every(leavesSessionAlone);
      if (result.foundApplied === undefined && !isAsBefore) await sessions.clean();
    }
    return { outcome: 'applied', ...progressed };
  });
}

/**
 * Executes `down.sql` as `migrate` does a migration, and marks the ledger row rolled back; `applied` names the migration
 * then. One that is not applied needs no way back and counts as rolled back.
 */
export async function runDown(request: DownRequest): Promise<MigrateOutcome> {
  const { migration } = request;
  const { downSql } = migration;
  const nothing = { applied: [], statements: [] };
  if (downSql === undefined) {
    const failed = failedFile(migration.name, 1, 'The migration has no down.sql.');
    return { outcome: 'failed', failed, ...nothing };
  }
  const parsed = await parseFile(migration.name, downSql);
  if ('failed' in parsed) return { outcome: 'failed', failed: parsed.failed, ...nothing };
  const { script } = parsed;
  return withExecutor(request, nothing, async ({ sessions, watch }) => {
    const history = new LedgerHistory(await ensureLedger(await sessions.open()));
    const mode = planOf(script).mode;
    const downChecksum = checksumOf(downSql);
    const file = { request, migration, script, mode, sessions, watch, history, downChecksum };
    const { timings: statements, ...result } = await runDownFile(file);
    if (result.outcome === 'done') return { outcome: 'applied', applied: [migration.name], statements };
    if (result.outcome === 'waiting') return { outcome: 'waiting', applied: [], statements };
    if (result.outcome === 'failed') return { ...result, applied: [], statements };
    if (result.outcome === 'needs-long-runner') {
      return { ...result, migration: migration.name, applied: [], statements };
    }
    return { ...result, inMigration: migration.name, applied: [], statements };
  });
}

type ParsedFile = { readonly script: ParsedScript } | { readonly failed: MigrationFailure };

async function parseFile(migration: string, sql: string): Promise<ParsedFile> {
  try {
    const script = await parseScript(sql);
    const problem = problemsOf(script)[0];
    if (problem === undefined) return { script };
    return { failed: failedFile(migration, problem.line, problem.problem, problem.statement) };
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    return { failed: failedFile(migration, (error as { line?: number }).line ?? 1, messageOf(error)) };
  }
}

const failedFile = (migration: string, line: number, message: string, statement = 0): MigrationFailure => ({
  migration,
  statement,
  line,
  message,
  atomic: true,
  statementsDone: 0,
});

interface Executor {
  readonly sessions: ExecutorSessions;
  readonly watch: LockWatch;
}

async function withExecutor(
  request: ExecutorRequest,
  progressed: Pick<MigrateOutcome, 'applied' | 'alreadyApplied' | 'statements'>,
  work: (executor: Executor) => Promise<MigrateOutcome>,
): Promise<MigrateOutcome> {
  const { database, clock, runId, signal, fencingToken } = request;
  if (signal?.aborted === true) return { outcome: 'aborted', statementsDone: 0, ...progressed };
  const watch = request.watch ?? (await startLockWatch({ database, runId, budgetMs: request.maxBlockingMs }));
  const wait = { database, clock, signal, waitMs: request.executorLockWaitMs ?? EXECUTOR_LOCK_WAIT_MS };
  const sessions = new ExecutorSessions(`${EXECUTOR_NAME} ${runId}`, wait, async (session) => {
    watch.follow(session.backendPid);
    if (fencingToken !== undefined) await passFence(session, runId, fencingToken);
  });
  const cancelling = cancelOnAbort(request, sessions);
  try {
    return await work({ sessions, watch });
  } catch (error) {
    // The one wait outside of a file is that for the executor lock.
    if (error !== signal?.reason) throw error;
    return { outcome: 'aborted', statementsDone: 0, ...progressed };
  } finally {
    await cancelling.settled();
    await sessions.discard();
    if (watch !== request.watch) await watch.stop();
  }
}

/** A statement that runs when the signal is aborted is cancelled from another session: the protocol has no other way. */
function cancelOnAbort(
  { database, signal, runId }: ExecutorRequest,
  sessions: ExecutorSessions,
): { settled(): Promise<void> } {
  let cancelled: Promise<void> = Promise.resolve();
  const cancel = async (session: Session): Promise<void> => {
    await session.query('SELECT pg_catalog.pg_cancel_backend($1)', [sessions.backendPid]);
  };
  const onAbort = (): void => {
    if (sessions.backendPid === undefined) return;
    // Where that fails, the statement ends by itself and the work stops behind it.
    const options = { applicationName: `godwit abort ${runId}` };
    cancelled = withSession(database, options, cancel).catch(() => undefined);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    settled: async () => {
      signal?.removeEventListener('abort', onAbort);
      await cancelled;
    },
  };
}
