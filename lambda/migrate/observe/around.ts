/** Observes a statement that commits by itself, perhaps more than once, from before it until after it. */
import { backfillOf } from '../../sql/backfill';
import type { FileRun } from '../file-run';
import type { RetryOutcome } from '../retry';
import type { Step } from '../stepwise';
import { costBetween, readDisk } from './disk';
import { unforeseenIn } from './foretold';
import { LockTrace, type TracedLock } from './lock-trace';
import { readFiles } from './relations';
import { foretell } from './statement-observer';

export async function observedAround(
  run: FileRun,
  step: Step,
  work: () => Promise<RetryOutcome>,
): Promise<RetryOutcome> {
  if (!run.request.observeLocks) return work();
  const began = performance.now();
  const session = await run.sessions.open();
  const effects = await foretell(session, step.statement);
  const [filesBefore, diskBefore] = [await readFiles(session), await readDisk(session)];
  // A backfill's batches are looked at from within.
  const isTraced = backfillOf(step.statement) === undefined;
  const trace = isTraced
    ? await LockTrace.start(run.request.database, session.backendPid, filesBefore)
    : undefined;
  const beforeMs = performance.now() - began;
  let locks: readonly TracedLock[] = [];
  let outcome: RetryOutcome;
  try {
    outcome = await work();
  } finally {
    locks = (await trace?.stop()) ?? [];
  }
  if (outcome.outcome !== 'done') return outcome;
  const beganAgain = performance.now();
  const after = await run.sessions.open();
  const [files, disk] = [await readFiles(after), await readDisk(after)];
  const cost = {
    observedMs: beforeMs + performance.now() - beganAgain,
    ...costBetween(diskBefore, disk),
  };
  if (!isTraced) {
    run.log.addTo(step.index, { cost });
    return outcome;
  }
  const rewritten = [...files.values()].filter(
    ({ oid, file }) => filesBefore.has(oid) && filesBefore.get(oid)?.file !== file,
  );
  run.log.addTo(step.index, {
    cost,
    locks: locks.map(({ name, mode, heldMs }) => ({ relation: name, mode, heldMs: Math.round(heldMs) })),
    rewrites: rewritten.length > 0,
    unforeseen: unforeseenIn(effects, { locks, held: undefined, rewritten, known: filesBefore }),
  });
  return outcome;
}
