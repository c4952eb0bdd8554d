/** The steps of a drill on a stand-in for RDS: what is begun, how often it is looked at, and that nothing of it stays. */
import type { Notification } from '../../lambda/ports/notifier';
import type { ObjectStore } from '../../lambda/ports/object-store';
import { drillSteps, recordDrillAge } from '../../lambda/steps/drill';
import { latestDrill, pointAt, readRecord } from '../../lambda/steps/drill-book';
import type { DrillContext } from '../../lambda/steps/drill-step';
import { MemoryStore } from '../support/aws-memory-store';
import { POINT, POLL_MS, type RecoveryOnRds, setUp, withRestorePoint } from '../support/aws-recovery';

const INPUT = { at: '2026-03-01T12:00:00Z', event: 'event-1', targets: { rpoMs: 300_000, rtoMs: 900_000 } };

function contextOn(
  { rds, recovery }: Pick<RecoveryOnRds, 'rds' | 'recovery'>,
  store: ObjectStore = new MemoryStore(),
) {
  const told: Notification[] = [];
  const numbers: [string, number][] = [];
  const context: DrillContext = {
    store,
    recovery,
    clock: rds.time,
    metrics: { record: (name, value) => void numbers.push([name, value]) },
    notifier: { notify: async (notification) => void told.push(notification) },
    signal: new AbortController().signal,
    database: 'wedefidaily-prod:5432/wedefidaily',
    invariants: [],
    tell: () => undefined,
  };
  return { context, told, numbers, rds };
}

/** As the state machine does. */
async function untilRestored({ context, rds }: ReturnType<typeof contextOn>) {
  let answer = await drillSteps.BeginDrill(context, INPUT);
  const routes: string[] = [];
  for (let looks = 0; answer.verdict === 'waiting' && looks < 500; looks += 1) {
    routes.push(answer.route);
    rds.time.advance(POLL_MS);
    answer = await drillSteps[answer.route === 'restore-point' ? 'BeginDrill' : 'InspectDrill'](
      context,
      INPUT,
    );
  }
  return { ...answer, routes };
}

test('the latest restore point is restored, and the clone deleted after a proof that crashed', async () => {
  const on = contextOn(await withRestorePoint());
  const { drillId, verdict } = await untilRestored(on);
  expect(verdict).toBe('passed');
  expect([...on.rds.instances.keys()]).toContain(`godwit-rehearsal-${drillId}`);
  const record = await readRecord(on.context.store, drillId);
  expect(record.restorePoint).toMatchObject({ name: POINT.name, takenByDrill: false });
  expect(record.rpo).toBeDefined();
  expect(record.marks.map(({ phase }) => phase)).toEqual(['begin', 'restore', 'open']);

  const crash = drillSteps.ProveDrill(on.context, { drillId });
  await expect(crash).rejects.toThrow(/unexpected statement/);
  const error = { Error: 'Error', Cause: '{"errorMessage":"unexpected statement"}' };
  await drillSteps.DiscardDrill(on.context, { drillId, error });
  expect((await drillSteps.ReportDrill(on.context, { drillId })).route).toBe('failed');
  on.rds.time.advance(3_600_000);
  expect(await on.context.recovery.listInstances()).toEqual([]);
  expect(on.numbers.map(([name]) => name)).toEqual(['DrillRpoSeconds', 'DrillVerified']);
  expect(on.numbers.at(-1)).toEqual(['DrillVerified', 0]);
  expect(on.told).toMatchObject([{ audience: 'on-call', subject: 'Godwit: drill failed' }]);
  expect(on.told[0]?.body).toContain('unexpected statement');
});

test('without a restore point one is taken, and waited for, first', async () => {
  const on = contextOn(setUp());
  const { drillId, verdict, routes } = await untilRestored(on);
  expect(verdict).toBe('passed');
  expect(routes[0]).toBe('restore-point');
  const { restorePoint } = await readRecord(on.context.store, drillId);
  expect(restorePoint).toMatchObject({ name: drillId, takenByDrill: true });
});

test('a restore point that does not exist ends the drill, and no instance is made', async () => {
  const on = contextOn(await withRestorePoint());
  const before = on.rds.instances.size;
  const { verdict, drillId } = await drillSteps.BeginDrill(on.context, { ...INPUT, restorePoint: 'never' });
  expect(verdict).toBe('failed');
  await drillSteps.DiscardDrill(on.context, { drillId });
  expect((await drillSteps.ReportDrill(on.context, { drillId })).route).toBe('failed');
  expect(on.rds.instances.size).toBe(before);
});

test('the age of the last drill that passed is told, and nothing where none ever did', async () => {
  const on = contextOn(setUp());
  const tell = async () =>
    recordDrillAge(on.context, await latestDrill(on.context.store, { hasPassed: true }));
  await tell();
  expect(on.numbers).toEqual([]);
  const at = on.rds.time.now().toISOString();
  await pointAt(on.context.store, { drillId: 'drill-1', at }, { hasPassed: true });
  on.rds.time.advance(90_000);
  await pointAt(
    on.context.store,
    { drillId: 'drill-2', at: on.rds.time.now().toISOString() },
    { hasPassed: false },
  );
  await tell();
  expect(on.numbers).toEqual([['DrillAgeSeconds', 90]]);
});
