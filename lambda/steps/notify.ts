/** Notify: each audience learns how the run ended, in its own words. */
import { inWords, plainEstimate } from '../domain/estimate';
import type { RunOutcome, RunStatus } from '../domain/run';
import type { Audience } from '../ports/notifier';
import type { RunContext } from './context';
import { step } from './enter';
import { reportKey } from './report';

export const notify = step<'Notify'>('Notify', async (run) => {
  const outcome: RunOutcome = run.journal.outcome ?? {
    status: 'failed',
    applied: [],
    rolledBack: [],
    reason: 'the run could not be judged',
  };
  const audiences = audiencesOf(outcome.status);
  for (const audience of audiences) {
    await run.notifier.notify({
      runId: run.runId,
      audience,
      subject: `Godwit: ${outcome.status} on ${run.request.database}`,
      body: bodyFor(audience, run, outcome),
      attributes: { status: outcome.status },
    });
  }
  return { verdict: 'passed', message: audiences.join(', '), record: { audiences } };
});

/** On-call is woken only by what a person must look at. */
function audiencesOf(status: RunStatus): readonly Audience[] {
  switch (status) {
    case 'nothing-to-do':
      return ['audit'];
    case 'succeeded':
    case 'blocked':
    case 'aborted':
      return ['stakeholders', 'audit'];
    case 'rolled-back':
    case 'restored':
    case 'held':
    case 'failed':
      return ['on-call', 'stakeholders', 'audit'];
  }
}

const PLAIN: Readonly<Record<RunStatus, string>> = {
  succeeded: 'The planned database change is done. Nothing was interrupted.',
  'nothing-to-do': 'There was nothing to change.',
  blocked: 'A planned database change was refused by the checks before it began. Nothing was changed.',
  'rolled-back': 'A planned database change failed and was undone. The data is as it was before.',
  restored: 'A planned database change failed, and the database was restored to its state before it.',
  held: 'A planned database change failed. Reading works; writing is switched off until engineers decide.',
  aborted: 'A planned database change was stopped by a person.',
  failed: 'A planned database change failed, and engineers are finding out what state the database is in.',
};

/** What they were told to expect, and what came of it. */
function forStakeholders({ journal }: RunContext, { status }: RunOutcome): string {
  const { estimate } = journal.record('Rehearse') ?? {};
  const migrate = journal.record('Migrate');
  if (journal.checkpoint('Approve')?.route === 'rehearsed') {
    const expected = estimate === undefined ? '' : ` ${plainEstimate(estimate)}`;
    return `A planned database change was tried on a copy. Nothing was changed.${expected}`;
  }
  if (status !== 'succeeded' || estimate === undefined || migrate === undefined) return PLAIN[status];
  const { lowMs, highMs } = estimate.duration;
  return `${PLAIN[status]} It took ${inWords(migrate.durationMs)}; ${inWords(lowMs)} to ${inWords(highMs)} were expected.`;
}

function bodyFor(audience: Audience, run: RunContext, outcome: RunOutcome): string {
  switch (audience) {
    case 'audit':
      return JSON.stringify({
        runId: run.runId,
        database: run.request.database,
        requestedBy: run.request.requestedBy,
        requestedAt: run.request.requestedAt,
        ...outcome,
      });
    case 'stakeholders':
      return forStakeholders(run, outcome);
    case 'on-call':
      return [
        `${outcome.status}: ${outcome.reason}`,
        `Applied: ${outcome.applied.join(', ') || 'none'}. Rolled back: ${outcome.rolledBack.join(', ') || 'none'}.`,
        `Report: ${reportKey(run.runId, 'md')}`,
      ].join('\n');
  }
}
