/** Degrade: writes are fenced so that the data-loss window stops growing; then policy or a person decides. */
import { describeWindow } from '../domain/data-loss';
import type { Decision } from '../domain/question';
import { type OfferedRung, planBehindFence } from '../domain/rollback-plan';
import type { PhaseRecords } from '../domain/run';
import { type Endpoint, SessionsOutlastFence } from '../ports/endpoint';
import { ask } from './approve';
import type { RunContext } from './context';
import { step } from './enter';
import { windowUntilNow } from './write-readings';

export const degrade = step<'Degrade'>('Degrade', async (run) => {
  if (!run.endpoint) {
    return {
      verdict: 'passed',
      route: 'hold',
      message: 'this server belongs to somebody else: Godwit can neither fence its writes nor restore it',
    };
  }
  const problem = await fence(run.endpoint, `run ${run.runId}`);
  const fencedAt = run.clock.now().toISOString();
  const { route, offered } = nextOf(run);
  const window = await measured(run);
  const loss = window === undefined ? '' : `; ${describeWindow(window)}`;
  return {
    verdict: 'passed',
    route,
    message: `${problem ?? 'writes are fenced'}; ${MEANING[route]}${loss}`,
    record: {
      fencedAt,
      ...(problem === undefined ? {} : { fenceProblem: problem }),
      offered,
      ...(window === undefined ? {} : { window }),
    },
  };
});

/** That somebody still writes makes a decision the more urgent: it must not keep anybody from being asked. */
async function fence(endpoint: Endpoint, reason: string): Promise<string | undefined> {
  try {
    await endpoint.fence(reason);
    return undefined;
  } catch (error) {
    if (!(error instanceof SessionsOutlastFence)) throw error;
    return `writes are fenced, but not those of open sessions that go on: ${error.sessions.join(', ')}`;
  }
}

type Route = 'restore' | 'decide' | 'hold';

const MEANING: Readonly<Record<Route, string>> = {
  restore: 'policy grants the restore',
  decide: 'a person decides about the way back',
  hold: 'people decide what happens next',
};

function nextOf(run: RunContext): { readonly route: Route; readonly offered: readonly OfferedRung[] } {
  const assessed = run.journal.record('Assess');
  const wereTried = run.journal.checkpoint('RollBack') ?? run.journal.checkpoint('ValidateRolledBack');
  const { rung, approval, offered } =
    assessed === undefined || wereTried !== undefined
      ? planBehindFence({
          restorePoint: run.recovery ? run.journal.record('Snapshot')?.restorePoint : undefined,
          policy: run.policy.wayBack,
        })
      : assessed;
  if (approval === 'needed') return { route: 'decide', offered };
  return { route: rung === 'restore' ? 'restore' : 'hold', offered: [] };
}

/** It helps to decide; that it could not be measured must not keep anybody from that. */
async function measured(run: RunContext): Promise<PhaseRecords['Degrade']['window']> {
  try {
    return await windowUntilNow(run);
  } catch {
    return undefined;
  }
}

/** Puts the question; the state waits for the answer. */
export const awaitDecision = step<'Decide'>('AwaitDecision', async (run) => {
  const { offered = [] } = run.journal.record('Degrade') ?? {};
  const answers: readonly Decision[] = [...offered.map((rung) => DECISION[rung]), 'hold'];
  await ask(run, { question: 'decision', text: questionText(run, offered), answers });
  return {
    verdict: 'waiting',
    route: 'asked',
    message: `waiting for a decision: godwit decide ${run.runId} ${answers.join('|')}`,
  };
});

const DECISION: Readonly<Record<OfferedRung, Decision>> = { 'down-script': 'roll-back', restore: 'restore' };

function questionText(run: RunContext, offered: readonly OfferedRung[]): string {
  const { restorePoint = 'the restore point' } = run.journal.record('Snapshot') ?? {};
  const { plan = [], toRollBack = [] } = run.journal.record('Assess') ?? {};
  const { window, fenceProblem } = run.journal.record('Degrade') ?? {};
  const aboutDown = plan.find(({ rung }) => rung === 'down-script')?.reason;
  const ways = offered.map((rung) =>
    rung === 'down-script'
      ? `"roll-back" runs the down scripts of ${toRollBack.join(', ')}: ${aboutDown}.`
      : `"restore" returns to ${restorePoint}, and what was written since is lost: ${
          window === undefined ? 'how much could not be measured' : describeWindow(window)
        }.`,
  );
  return [
    `The migration of ${run.request.database} failed, and ${fenceProblem ?? 'writes are fenced'} until you decide.`,
    ...ways,
    '"hold" leaves everything as it is.',
  ].join(' ');
}
