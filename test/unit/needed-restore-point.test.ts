/** Which restore points runs still offer to return to. */
import type { RunStatus } from '../../lambda/domain/run';
import { DEFAULT_POLICY } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { isStillOffered } from '../../lambda/steps/needed-restore-point';
import { DATABASE, RUN, useSteps } from '../support/steps';

const steps = useSteps();
const at = '2026-01-31T12:00:00.000Z';
const isOffered = () => isStillOffered(steps.store, `before-${RUN}`);

async function end(
  runId: string,
  status: RunStatus,
  { isTold = true, applied = ['a_migration'] } = {},
): Promise<void> {
  const journal = await Journal.open(steps.store, runId);
  const passed = { type: 'checkpoint', at, verdict: 'passed', route: status, message: '' } as const;
  const record = { status, reason: '', applied, rolledBack: [] };
  await journal.append({ ...passed, step: 'Finish', phase: 'Finish', record });
  if (isTold) await journal.append({ ...passed, step: 'Notify', phase: 'Notify' });
}
async function laterRun(
  status: RunStatus,
  { database = DATABASE, applied = ['a_migration'] } = {},
): Promise<void> {
  const runId = 'run-20260201-000000-abcd';
  const project = { schema: '', lockfile: undefined, migrations: [], invariants: [] };
  await createRun(steps.store, {
    runId,
    requestedAt: at,
    requestedBy: 'me',
    database,
    project,
    policy: DEFAULT_POLICY,
  });
  await end(runId, status, { applied });
}

it('that of a run which has not ended', async () => {
  expect(await isOffered()).toBe(true);
  await end(RUN, 'succeeded', { isTold: false });
  expect(await isOffered()).toBe(true);
});

it('that of a run which is held', async () => {
  await end(RUN, 'held');
  expect(await isOffered()).toBe(true);
});

it.each(['succeeded', 'rolled-back', 'restored', 'blocked'] as const)(
  'not that of one which is %s',
  async (status) => {
    await end(RUN, status);
    expect(await isOffered()).toBe(false);
  },
);

it('no longer that of a held run once a later one on the same database succeeded', async () => {
  await end(RUN, 'held');
  await laterRun('succeeded');
  expect(await isOffered()).toBe(false);
});

it.each([
  ['was blocked', 'blocked', {}],
  ['was of another database', 'succeeded', { database: 'another' }],
  ['only rehearsed', 'succeeded', { applied: [] }],
] as const)('that of a held run although a later one %s', async (_, status, run) => {
  await end(RUN, 'held');
  await laterRun(status, { ...run, applied: [...('applied' in run ? run.applied : ['a_migration'])] });
  expect(await isOffered()).toBe(true);
});

it('that of a run whose journal cannot be read', async () => {
  await end(RUN, 'succeeded');
  await steps.store.putIfAbsent(`runs/${RUN}/journal/000002.json`, '{');
  expect(await isOffered()).toBe(true);
});

it('not one that no run took', async () => {
  expect(await isStillOffered(steps.store, 'manual-20260131T1200')).toBe(false);
});
