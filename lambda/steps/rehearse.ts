/** Rehearse: the same migrations on a clone of the restore point, and their down scripts after them. */
import type { Finding } from '../domain/finding';
import { hasErrors } from '../domain/finding';
import { isOfRun, readLedger } from '../migrate/ledger';
import { type Database, withSession } from '../ports/database';
import type { InstanceState } from '../ports/recovery';
import type { RunContext } from './context';
import { step } from './enter';
import { rehearseOn } from './rehearsal';
import { restorePointOf } from './snapshot';

export const rehearsalInstanceOf = (runId: string): string => `rehearsal-${runId}`;

/** A server that Godwit cannot clone was refused in Preflight, unless the rehearsal was waived. */
const notPossible = { verdict: 'blocked', message: 'no clone can be made of this server' } as const;

export const beginRehearsal = step<'Rehearse'>('BeginRehearsal', async (run) => {
  if (!run.recovery) return notPossible;
  return answer(await begin(run));
});

export const inspectRehearsal = step<'Rehearse'>('InspectRehearsal', async (run) => {
  if (!run.recovery) return notPossible;
  const state = await run.recovery.inspectInstance(rehearsalInstanceOf(run.runId));
  return answer(state.state === 'absent' ? await begin(run) : state);
});

export const runRehearsal = step<'Rehearse'>('RunRehearsal', async (run) => {
  if (!run.recovery) return notPossible;
  const name = rehearsalInstanceOf(run.runId);
  const state = await run.recovery.inspectInstance(name);
  if (state.state !== 'ready') return unlessReady(state.state === 'absent' ? await begin(run) : state);
  const clone = await run.recovery.openInstance(name);
  if (await wasWorkedOn(run, clone)) {
    await run.recovery.discardInstance(name);
    return unlessReady(await begin(run));
  }
  try {
    const began = performance.now();
    const rehearsal = await rehearseOn(run, clone, state.lost);
    const record = { ...rehearsal, durationMs: performance.now() - began };
    return hasErrors(rehearsal.findings)
      ? { verdict: 'blocked', message: sentenceOf(rehearsal.findings), record }
      : { verdict: 'passed', message: summaryOf(record), record };
  } finally {
    await run.recovery.discardInstance(name);
  }
});

const begin = (run: RunContext): Promise<InstanceState> | InstanceState =>
  run.recovery?.beginInstance(rehearsalInstanceOf(run.runId), {
    kind: 'restore-point',
    name: restorePointOf(run.runId),
  }) ?? { state: 'failed', reason: notPossible.message };

/** A clone on which an earlier attempt was killed shows what that did, not what the restore point holds. */
const wasWorkedOn = (run: RunContext, clone: Database): Promise<boolean> =>
  withSession(clone, { applicationName: 'godwit rehearsal', readOnly: true }, async (session) =>
    (await readLedger(session)).some((row) => isOfRun(row, run.runId)),
  );

/** A clone alone does not conclude the step that works on it. */
const unlessReady = (state: InstanceState) =>
  state.state === 'ready'
    ? { verdict: 'waiting' as const, message: 'the clone was made anew' }
    : answer(state);

function answer(state: InstanceState) {
  switch (state.state) {
    case 'ready':
      return { verdict: 'passed' as const, message: 'the clone is ready' };
    case 'failed':
      return { verdict: 'failed' as const, message: `no clone could be made: ${state.reason}` };
    case 'creating':
    case 'absent':
      return {
        verdict: 'waiting' as const,
        message:
          (state.state === 'creating' ? state.message : undefined) ??
          'recovering a clone from the restore point',
      };
  }
}

function sentenceOf(findings: readonly Finding[]): string {
  const first = findings.find((finding) => finding.severity === 'error');
  return first ? `${first.subject}: ${first.effect}. ${first.remedy}` : 'refused';
}

const summaryOf = (record: {
  durationMs: number;
  statements: readonly unknown[];
  downProven: readonly string[];
}): string =>
  `${record.statements.length} statements in ${(record.durationMs / 1000).toFixed(1)} s, ${record.downProven.length} down scripts proven`;
