/** Finish: every path ends here first. Cleans up what the run made, and judges how it ended. */
import { messageOf } from '../domain/errors';
import { outcomeOf } from '../domain/outcome';
import { releaseLease } from '../journal/lease';
import type { RunContext } from './context';
import { isAborted, step } from './enter';
import { rehearsalInstanceOf } from './rehearse';
import { restoredInstanceOf } from './restore';

export const finish = step<'Finish'>('Finish', async (run) => {
  await discardInstances(run);
  const outcome = outcomeOf(run.journal, { aborted: await isAborted(run, run.runId) });
  await releaseLease(run.store, {
    database: run.request.database,
    runId: run.runId,
    owner: run.owner,
    now: run.clock.now(),
  });
  return { verdict: 'passed', route: outcome.status, message: outcome.reason, record: outcome };
});

/** A clone left behind costs money; that it could not be discarded is no reason to judge the run otherwise. */
async function discardInstances(run: RunContext): Promise<void> {
  if (!run.recovery) return;
  const isServing = run.journal.checkpoint('CutOver')?.verdict === 'passed';
  const mine = [rehearsalInstanceOf(run.runId), ...(isServing ? [] : [restoredInstanceOf(run.runId)])];
  for (const name of mine) {
    try {
      await run.recovery.discardInstance(name);
    } catch (error) {
      await run.journal.append({
        type: 'note',
        at: run.clock.now().toISOString(),
        message: `Instance ${name} could not be discarded: ${messageOf(error)}. Discard it by hand.`,
      });
    }
  }
}
