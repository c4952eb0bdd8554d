/** What the rehearsal foretold reaches those who approve, and those who are told. */
import { type Estimate, estimateFrom } from '../../lambda/domain/estimate';
import type { Phase, PhaseRecords } from '../../lambda/domain/run';
import type { StepName } from '../../lambda/domain/step';
import type { Notification } from '../../lambda/ports/notifier';
import { awaitApproval, checkApproval } from '../../lambda/steps/approve';
import { notify } from '../../lambda/steps/notify';
import { RUN, useSteps } from '../support/steps';

const ESTIMATE: Estimate = estimateFrom({
  statements: [],
  totalMs: 20_000,
  longestBlockingMs: 30,
  warmth: { state: 'warm', unread: [] },
  disk: { walBytes: 1, grownBytes: 1, peakBytes: 1 },
  lockGiveUpMs: 60_000,
});

const REHEARSED: PhaseRecords['Rehearse'] = {
  durationMs: 30_000,
  statements: [],
  findings: [],
  downProven: [],
  longestBlockingMs: 30,
  invariants: [],
  estimate: ESTIMATE,
  asks: ['duration: it may take long'],
};

const steps = useSteps();

/** A step that concluded with this record. */
const concluded = <P extends Phase>(
  name: StepName,
  record: PhaseRecords[P],
  route?: string,
): Promise<unknown> =>
  steps.enter(name, async () => ({
    verdict: 'passed',
    message: 'done',
    record: record as never,
    ...(route === undefined ? {} : { route }),
  }));

const told: Notification[] = [];
const more = { notifier: { notify: async (one: Notification) => void told.push(one) } };
const bodyTo = (audience: Notification['audience']): string | undefined =>
  told.findLast((one) => one.audience === audience)?.body;

beforeEach(() => {
  told.length = 0;
});

test('nobody may be asked: what goes beyond a limit is refused with its reason', async () => {
  await concluded('RunRehearsal', REHEARSED);
  expect(await checkApproval(steps.context(), { runId: RUN })).toMatchObject({ verdict: 'blocked' });
  expect(await steps.journaled()).toContainEqual(
    expect.objectContaining({
      phase: 'Approve',
      message: expect.stringContaining('duration: it may take long'),
    }),
  );
});

test('the question tells what is foretold, and stakeholders learn of it once', async () => {
  await concluded('RunRehearsal', REHEARSED);
  await awaitApproval(steps.context(more), { runId: RUN });
  await awaitApproval(steps.context(more), { runId: RUN, taskToken: 'another' });
  expect(bodyTo('on-call')).toContain('Foretold for production: 20 s (20 s to 40 s)');
  expect(bodyTo('on-call')).toContain('duration: it may take long');
  expect(bodyTo('stakeholders')).toBe(
    'A planned database change was tried on a copy and awaits approval. ' +
      'It takes about 20 s, at most 40 s on a busy day. Nobody should notice it.',
  );
  expect(told).toHaveLength(2);
});

const FINISHED = { status: 'succeeded', applied: [], rolledBack: [], reason: '' } as const;

test('stakeholders learn what became of what they were told', async () => {
  await concluded('RunRehearsal', REHEARSED);
  await concluded('Migrate', { applied: [], statements: [], worstBlockingMs: 0, durationMs: 25_000 });
  await concluded('Finish', FINISHED);
  await notify(steps.context(more), { runId: RUN });
  expect(bodyTo('stakeholders')).toBe(
    'The planned database change is done. Nothing was interrupted. It took 25 s; 20 s to 40 s were expected.',
  );
});

test('a rehearsal alone is not told of as a change', async () => {
  await concluded('RunRehearsal', REHEARSED);
  await concluded(
    'CheckApproval',
    { decision: 'not-needed', by: 'policy', reasons: [], checklist: [] },
    'rehearsed',
  );
  await concluded('Finish', FINISHED);
  await notify(steps.context(more), { runId: RUN });
  expect(bodyTo('stakeholders')).toMatch(
    /^A planned database change was tried on a copy\. Nothing was changed\./,
  );
});
