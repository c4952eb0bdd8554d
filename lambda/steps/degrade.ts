/** Degrade: writes are fenced so that the data-loss window stops growing; then policy or a person decides. */

import { ask } from './approve';
import type { RunContext } from './context';
import { step } from './enter';

export const degrade = step<'Degrade'>('Degrade', async (run) => {
  if (!run.endpoint) {
    return {
      verdict: 'passed',
      route: 'hold',
      message: 'this server belongs to somebody else: Godwit can neither fence its writes nor restore it',
    };
  }
  await run.endpoint.fence(`run ${run.runId}`);
  const record = { fencedAt: run.clock.now().toISOString() };
  const route = routeOf(run);
  return { verdict: 'passed', route, message: `writes are fenced; ${MEANING[route]}`, record };
});

type Route = 'restore' | 'decide' | 'hold';

const MEANING: Readonly<Record<Route, string>> = {
  restore: 'policy grants the restore',
  decide: 'a person decides about the restore',
  hold: 'people decide what happens next',
};

function routeOf(run: RunContext): Route {
  const restorable = run.recovery !== undefined && run.journal.record('Snapshot')?.restorePoint !== undefined;
  if (!restorable || run.policy.approve === 'never') return 'hold';
  return run.policy.approve === 'auto' ? 'restore' : 'decide';
}

/** Puts the question; the state waits for the answer. */
export const awaitDecision = step<'Decide'>('AwaitDecision', async (run) => {
  const snapshot = run.journal.record('Snapshot');
  const fencedAt = run.journal.record('Degrade')?.fencedAt ?? run.clock.now().toISOString();
  await ask(run, {
    question: 'decision',
    text:
      `The migration of ${run.request.database} failed and no down script leads back. ` +
      `Restore to ${snapshot?.restorePoint ?? 'the restore point'}? ` +
      `What was written between ${snapshot?.at ?? 'then'} and ${fencedAt} would be lost. Writes are fenced until you decide.`,
  });
  return {
    verdict: 'waiting',
    route: 'asked',
    message: `waiting for a decision: godwit decide ${run.runId} restore|hold`,
  };
});
