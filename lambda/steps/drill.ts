/** The steps of a drill: restore into a throw-away instance, prove it, discard it, report. The serving database is only read. */
import { type DrillRecord, type DrillStepName, drillInstanceOf, judge, withMark } from '../domain/drill';
import type { InvariantFile } from '../domain/migration';
import type { RunRequest } from '../domain/run';
import { listRuns, readRequest, UnknownRun } from '../journal/journal';
import type { ObjectStore } from '../ports/object-store';
import { renderDrill } from '../report/drill';
import { drillReportKey, keepReport, pointAt, updateRecord } from './drill-book';
import { proveInstance } from './drill-prove';
import { beginDrill, inspectDrill } from './drill-restore';
import { type DrillContext, type DrillStep, drillStep, nowOf } from './drill-step';
import { keepProof, readDrilled, readProof } from './proof';

const proveDrill = drillStep('ProveDrill', async (context, { drillId, restorePoint, lost }) => {
  const { store, recovery, signal } = context;
  if (restorePoint === undefined) return { verdict: 'failed', message: 'there is no restore point' };
  const instance = await recovery.openInstance(drillInstanceOf(drillId));
  await updateRecord(store, drillId, (now) => withMark(now, 'prove', nowOf(context)));
  const proof = (await readProof(store, restorePoint.name)) ?? (await readDrilled(store, restorePoint.name));
  const { checks, tables, found } = await proveInstance({
    instance,
    restorePoint: restorePoint.name,
    proof,
    invariants: await invariantsFor(context, restorePoint.name),
    now: nowOf(context),
    signal,
    tell: (message) => context.tell('ProveDrill', 'progress', message),
  });
  const comparedWith = proof ? (proof.readFrom ?? 'instance') : 'none';
  const after = await updateRecord(store, drillId, (now) => ({
    ...withMark(now, 'proven', nowOf(context)),
    checks,
    tables,
    comparedWith,
  }));
  const isSound = checks.every(({ verdict }) => verdict === 'held' || verdict === 'not-made');
  // So that the next recovery to this restore point has something to be compared with; what lacks commits is not that.
  if (proof === undefined && isSound && lost === undefined) await keepProof(store, found);
  const { outcome, reasons } = judge(after);
  return outcome === 'not-proven'
    ? { verdict: 'failed', message: reasons.join('; ') }
    : { verdict: 'passed', message: 'what was recovered is what the restore point held' };
});

const discardDrill = drillStep('DiscardDrill', async (context, { drillId }) => {
  await context.recovery.discardInstance(drillInstanceOf(drillId));
  await updateRecord(context.store, drillId, (now) => ({ ...now, isDiscarded: true }));
  return { verdict: 'passed', message: 'the throw-away instance is discarded' };
});

const reportDrill = drillStep('ReportDrill', async (context, { drillId }) => {
  const { store } = context;
  const finishedAt = nowOf(context);
  const record = await updateRecord(store, drillId, (now) => ({
    ...now,
    finishedAt,
    verdict: judge(now),
  }));
  await keepReport(store, drillId, renderDrill(record));
  const { outcome, rpoMs, rtoMs, reasons } = judge(record);
  await pointAt(store, { drillId, at: finishedAt }, { hasPassed: outcome === 'passed' });
  if (outcome !== 'aborted') {
    if (rpoMs !== undefined) context.metrics.record('DrillRpoSeconds', rpoMs / 1000, 'Seconds');
    if (rtoMs !== undefined) context.metrics.record('DrillRtoSeconds', rtoMs / 1000, 'Seconds');
    context.metrics.record('DrillVerified', judge(record).verified ? 1 : 0, 'Count');
    await context.notifier.notify({
      runId: drillId,
      audience: outcome === 'passed' ? 'audit' : 'on-call',
      subject: `Godwit: drill ${outcome}`,
      body: [
        `Restore drill of ${record.database}: ${outcome}.`,
        ...reasons,
        `Report: ${drillReportKey(drillId, 'md')}`,
        'What to do: docs/recovery.md, "A drill that did not pass".',
      ].join('\n'),
      attributes: { status: `drill-${outcome}` },
    });
  }
  return { verdict: 'passed', route: outcome, message: drillReportKey(drillId, 'html') };
});

export const drillSteps: Readonly<Record<DrillStepName, DrillStep>> = {
  BeginDrill: beginDrill,
  InspectDrill: inspectDrill,
  ProveDrill: proveDrill,
  DiscardDrill: discardDrill,
  ReportDrill: reportDrill,
};

/** A person stopped it: what was begun is discarded and reported all the same. */
export const noteAbort = (store: ObjectStore, drillId: string): Promise<DrillRecord> =>
  updateRecord(store, drillId, (now) => ({ ...now, aborted: true }));

/** How long no drill has passed, which only a look from outside the drills can tell. */
export async function recordDrillAge(
  context: Pick<DrillContext, 'store' | 'metrics' | 'clock'>,
  latest: { readonly at: string } | undefined,
): Promise<void> {
  // Nothing is recorded where none ever passed: its alarm takes missing data for the worst.
  if (latest === undefined) return;
  const ageMs = context.clock.now().getTime() - Date.parse(latest.at);
  context.metrics.record('DrillAgeSeconds', ageMs / 1000, 'Seconds');
}

/** Those of the run that took the restore point fit its schema; those of the latest run come closest. */
async function invariantsFor(context: DrillContext, restorePoint: string): Promise<readonly InvariantFile[]> {
  const own = await requestOf(context.store, restorePoint.replace(/^before-/, ''));
  if (own !== undefined) return own.project.invariants;
  if (context.invariants.length > 0) return context.invariants;
  const [latest] = await listRuns(context.store);
  return latest === undefined ? [] : ((await requestOf(context.store, latest))?.project.invariants ?? []);
}

async function requestOf(store: ObjectStore, runId: string): Promise<RunRequest | undefined> {
  try {
    return await readRequest(store, runId);
  } catch (error) {
    if (error instanceof UnknownRun) return undefined;
    throw error;
  }
}
