/** Write counters of a run at the moments that matter, kept beside its journal: what was written since is their difference. */
import { readWriteCounters } from '../checks/write-counters';
import { type DataLossWindow, dataLossWindow, type WriteCounters } from '../domain/data-loss';
import { GodwitError } from '../domain/errors';
import { type Session, withSession } from '../ports/database';
import type { RunContext } from './context';

/** It may have ended long ago. */
type MeasuredRun = Pick<RunContext, 'runId' | 'store' | 'database'>;
type Moment = 'restore-point' | 'before-migration' | 'after-migration';

const SESSION = { applicationName: 'godwit counters', readOnly: true, statementTimeoutMs: 10_000 } as const;

const keyOf = (runId: string, moment: Moment): string => `runs/${runId}/writes/${moment}.json`;

/** The first reading of a moment stands: a step that is entered again is later. */
export async function keepCounters(run: RunContext, moment: Moment): Promise<void> {
  const key = keyOf(run.runId, moment);
  if (await run.store.get(key)) return;
  try {
    const counters = await withSession(run.database, SESSION, readWriteCounters);
    await run.store.putIfAbsent(key, JSON.stringify(counters));
  } catch (error) {
    // A window that is not known is said to be so; a migration that succeeded must not be undone for want of it.
    if (!(error instanceof GodwitError)) throw error;
  }
}

/** `undefined` where nothing was read at the restore point. */
export async function windowUntilNow(run: MeasuredRun): Promise<DataLossWindow | undefined> {
  const restorePoint = await countersAt(run, 'restore-point');
  if (restorePoint === undefined) return undefined;
  const [before, after] = [
    await countersAt(run, 'before-migration'),
    await countersAt(run, 'after-migration'),
  ];
  const now = await withSession(run.database, SESSION, countersOnceReported);
  return dataLossWindow({
    restorePoint,
    now,
    ...(before ? { migration: { before, ...(after ? { after } : {}) } } : {}),
  });
}

/** The server adds what a session counted a moment after that has ended. */
async function countersOnceReported(session: Session): Promise<WriteCounters> {
  await session.query('SELECT pg_sleep(0.1)');
  return readWriteCounters(session);
}

/** `undefined` where nothing was read then. */
export async function countersAt(run: MeasuredRun, moment: Moment): Promise<WriteCounters | undefined> {
  const stored = await run.store.get(keyOf(run.runId, moment));
  return stored ? (JSON.parse(stored.body) as WriteCounters) : undefined;
}
