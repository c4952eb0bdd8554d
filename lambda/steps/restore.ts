/** Restore: a new instance at the restore point, and once it is proven right, in the place of the old one, which is kept. */
import type { JournalEntry } from '../domain/run';
import type { InstanceState } from '../ports/recovery';
import type { RunContext, StepName } from './context';
import { type StillHolds, sinceCheckpoint, step } from './enter';

export const restoredInstanceOf = (runId: string): string => `restored-${runId}`;
const keptInstanceOf = (runId: string): string => `kept-${runId}`;

/**
 * An instance of the embedded cluster ends with the process that made it: until a cut-over to it has begun, a run that
 * goes on makes it again. Once one has, nothing is fenced any more, or the endpoint says that it is under way.
 */
const isStillThere: StillHolds = async ({ recovery, endpoint }, journal) => {
  const verdicts = (['Restore', 'ValidateRestored'] as const).map(
    (phase) => journal.checkpoint(phase)?.verdict,
  );
  const isRefused = verdicts.some((verdict) => verdict !== undefined && verdict !== 'passed');
  if (isRefused || journal.checkpoint('CutOver') || journal.outcome) return true;
  // It is being made again: what comes of that has to be written down, so that it is validated.
  if (sinceCheckpoint(journal, 'Restore').some(isEntered('BeginRestore'))) return false;
  const state = await recovery?.inspectInstance(restoredInstanceOf(journal.runId));
  if (state === undefined || state.state === 'ready') return true;
  const isCutOverEntered = journal.entries.some(isEntered('CutOver'));
  return isCutOverEntered && (await endpoint?.inspect())?.state !== 'fenced';
};

const isEntered =
  (step: StepName) =>
  (entry: JournalEntry): boolean =>
    entry.type === 'entered' && entry.step === step;

export const beginRestore = step<'Restore'>(
  'BeginRestore',
  async (run) => answer(run, await begin(run)),
  isStillThere,
);

export const inspectRestore = step<'Restore'>(
  'InspectRestore',
  async (run) => {
    const state = await run.recovery?.inspectInstance(restoredInstanceOf(run.runId));
    return answer(run, !state || state.state === 'absent' ? await begin(run) : state);
  },
  isStillThere,
);

export const cutOver = step<'CutOver'>('CutOver', async (run) => {
  if (!run.endpoint) return { verdict: 'failed', message: 'there is no endpoint to cut over' };
  const instance = restoredInstanceOf(run.runId);
  const keptAs = keptInstanceOf(run.runId);
  const state = await run.endpoint.cutOver(instance, keptAs);
  if (state === 'waiting') return { verdict: 'waiting', message: 'the endpoint is being switched' };
  // The restored database never saw the fence; the endpoint's own memory of it has to go, too.
  await run.endpoint.unfence();
  return {
    verdict: 'passed',
    message: `the application's URL serves the restored instance; the old one is kept as ${keptAs}`,
    record: { instance, keptAs },
  };
});

async function begin(run: RunContext): Promise<InstanceState> {
  const restorePoint = run.journal.record('Snapshot')?.restorePoint;
  if (!run.recovery || !restorePoint) return { state: 'failed', reason: 'there is no restore point' };
  return run.recovery.beginInstance(restoredInstanceOf(run.runId), {
    kind: 'restore-point',
    name: restorePoint,
  });
}

function answer(run: RunContext, state: InstanceState) {
  switch (state.state) {
    case 'ready': {
      const { lost } = state;
      return {
        verdict: 'passed' as const,
        message:
          lost === undefined
            ? 'the restored instance is ready'
            : `the restored instance is ready; what was committed between ${lost.from} and ${lost.to} is missing in it`,
        record: { instance: restoredInstanceOf(run.runId), ...(lost === undefined ? {} : { lost }) },
      };
    }
    case 'failed':
      return { verdict: 'failed' as const, message: `the restore failed: ${state.reason}` };
    case 'creating':
    case 'absent':
      return {
        verdict: 'waiting' as const,
        message:
          (state.state === 'creating' ? state.message : undefined) ??
          'recovering a new instance from the restore point',
      };
  }
}
