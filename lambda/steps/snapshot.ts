/** Snapshot: a state of the database that can provably be returned to. */
import type { RestorePointState } from '../ports/recovery';
import type { RunContext } from './context';
import { step } from './enter';
import { keepCounters } from './write-readings';

/** Named after the run: a restore point's name must be unique, since the first of a name wins in recovery. */
export const restorePointOf = (runId: string): string => `before-${runId}`;

export const beginSnapshot = step<'Snapshot'>('BeginSnapshot', async (run) => {
  if (!run.recovery) {
    return {
      verdict: 'passed',
      route: 'none',
      message: 'no restore point: this server belongs to somebody else',
    };
  }
  // Before the restore point: what is written until it is there is counted as lost, rather than not at all.
  await keepCounters(run, 'restore-point');
  return answer(run, await run.recovery.beginRestorePoint(restorePointOf(run.runId)));
});

export const inspectSnapshot = step<'Snapshot'>('InspectSnapshot', async (run) => {
  const state = await run.recovery?.inspectRestorePoint(restorePointOf(run.runId));
  // Whatever made it is gone, e.g. with a killed process: begin again.
  if (!state || state.state === 'absent') {
    await run.recovery?.beginRestorePoint(restorePointOf(run.runId));
    return { verdict: 'waiting', message: 'begun again' };
  }
  return answer(run, state);
});

function answer(run: RunContext, state: RestorePointState) {
  switch (state.state) {
    case 'ready': {
      const { name, at, lsn } = state.restorePoint;
      return {
        verdict: 'passed' as const,
        message: `restore point ${name}`,
        record: { restorePoint: name, at, ...(lsn === undefined ? {} : { lsn }) },
      };
    }
    case 'failed':
      return { verdict: 'failed' as const, message: `no restore point could be taken: ${state.reason}` };
    case 'creating':
    case 'absent': {
      const { doneBytes, totalBytes } =
        state.state === 'creating' ? state : { doneBytes: undefined, totalBytes: undefined };
      if (doneBytes !== undefined && totalBytes !== undefined) {
        run.tell('base backup', { done: doneBytes, total: totalBytes, unit: 'bytes' });
      }
      return { verdict: 'waiting' as const, message: 'base backup and WAL archive' };
    }
  }
}
