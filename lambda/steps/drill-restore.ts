/** Restore: the restore point of a drill, chosen or taken, into a throw-away instance. */
import type { DrillPhase, DrillRecord } from '../domain/drill';
import { drillInstanceOf, withMark } from '../domain/drill';
import type { InstanceState, RestorePoint } from '../ports/recovery';
import { readRecord, updateRecord } from './drill-book';
import { type DrillContext, type DrillStepOutcome, drillStep, fail, nowOf } from './drill-step';

/** A status that never changes must not keep a drill for ever. */
const LONGEST_WAIT_MS = 6 * 3_600_000;

export const beginDrill = drillStep('BeginDrill', async (context, record, input) => {
  const { recovery, store } = context;
  const measured = await measureRpo(context, record);
  const chosen = await chooseRestorePoint(context, measured, input.restorePoint);
  if (chosen.outcome === 'failed') return fail(context, measured, chosen.reason);
  if (chosen.outcome === 'waiting')
    return { verdict: 'waiting', route: 'restore-point', message: 'a restore point is being taken' };
  // Where nothing was restorable before, what can be lost is told from now on.
  await measureRpo(context, measured);
  const { name, at } = chosen.restorePoint;
  await updateRecord(store, record.drillId, (now) =>
    withMark(
      { ...now, restorePoint: { name, at, takenByDrill: name === record.drillId } },
      'begin',
      nowOf(context),
    ),
  );
  context.tell(
    'BeginDrill',
    'progress',
    `restoring ${name}, of ${at}, into a throw-away instance beside the serving one`,
  );
  const state = await recovery.beginInstance(drillInstanceOf(record.drillId), {
    kind: 'restore-point',
    name,
  });
  return afterLook(context, record.drillId, state);
});

export const inspectDrill = drillStep('InspectDrill', async (context, { drillId, restorePoint }) => {
  const instance = drillInstanceOf(drillId);
  const state = await context.recovery.inspectInstance(instance);
  if (state.state !== 'absent' || restorePoint === undefined) return afterLook(context, drillId, state);
  // Whoever made it is gone.
  const target = { kind: 'restore-point', name: restorePoint.name } as const;
  return afterLook(context, drillId, await context.recovery.beginInstance(instance, target));
});

async function measureRpo(context: DrillContext, record: DrillRecord): Promise<DrillRecord> {
  if (record.rpo !== undefined) return record;
  const restorableUntil = await context.recovery.restorableUntil();
  if (restorableUntil === undefined) return record;
  const rpo = { measuredAt: nowOf(context), restorableUntil };
  return updateRecord(context.store, record.drillId, (now) => ({ ...now, rpo }));
}

/** Beyond that, RDS may keep no logs that lead there (7 days in the smallest stage), and only its snapshot would be tried. */
const FRESH_MS = 6 * 86_400_000;

const isFresh = ({ clock }: DrillContext, { at }: RestorePoint): boolean =>
  clock.now().getTime() - Date.parse(at) < FRESH_MS;

type Choice =
  | { readonly outcome: 'chosen'; readonly restorePoint: RestorePoint }
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'failed'; readonly reason: string };

async function chooseRestorePoint(
  context: DrillContext,
  record: DrillRecord,
  asked: string | undefined,
): Promise<Choice> {
  const { recovery } = context;
  const known = await recovery.listRestorePoints();
  const wanted = asked ?? record.restorePoint?.name;
  const found =
    wanted === undefined
      ? known.find((point) => isFresh(context, point))
      : known.find(({ name }) => name === wanted);
  if (found !== undefined) return { outcome: 'chosen', restorePoint: found };
  if (wanted !== undefined) return { outcome: 'failed', reason: `there is no restore point ${wanted}` };
  const own = record.drillId;
  await context.takeRestorePoint?.(own);
  const state = await recovery.beginRestorePoint(own);
  if (state.state === 'ready') return { outcome: 'chosen', restorePoint: state.restorePoint };
  if (state.state === 'failed')
    return { outcome: 'failed', reason: `no restore point could be taken: ${state.reason}` };
  return isOverdue(context, record)
    ? { outcome: 'failed', reason: 'the restore point was not ready after 6 hours' }
    : { outcome: 'waiting' };
}

/** As the homes word it; what no home words is the restore as a whole. */
const PHASE_WORDS: readonly (readonly [RegExp, DrillPhase])[] = [
  [/^copied /, 'copy'],
  [/^replaying /, 'replay'],
];

async function afterLook(
  context: DrillContext,
  drillId: string,
  state: InstanceState,
): Promise<DrillStepOutcome> {
  const { store } = context;
  switch (state.state) {
    case 'ready': {
      const { lost } = state;
      await updateRecord(store, drillId, (now) => ({
        ...withMark(now, 'open', nowOf(context)),
        ...(lost === undefined ? {} : { lost }),
      }));
      return { verdict: 'passed', message: 'the instance is recovered' };
    }
    case 'failed':
      return fail(
        context,
        await readRecord(store, drillId),
        `the instance could not be recovered: ${state.reason}`,
      );
    case 'absent':
    case 'creating': {
      const message = state.state === 'creating' ? state.message : undefined;
      const phase = PHASE_WORDS.find(([words]) => words.test(message ?? ''))?.[1] ?? 'restore';
      const record = await updateRecord(store, drillId, (now) =>
        message === undefined ? now : withMark(now, phase, nowOf(context)),
      );
      if (isOverdue(context, record))
        return fail(context, record, 'the instance was not ready after 6 hours');
      return { verdict: 'waiting', message: message ?? 'the instance is being recovered' };
    }
  }
}

const isOverdue = ({ clock }: DrillContext, { startedAt }: DrillRecord): boolean =>
  clock.now().getTime() - Date.parse(startedAt) > LONGEST_WAIT_MS;
