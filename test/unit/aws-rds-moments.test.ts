import { awsError } from '../support/aws-fake-rds';
import {
  CLONE,
  POINT,
  POLL_MS,
  RESTORED,
  restored,
  restorePoint,
  SERVING,
  setUp,
  withRestorePoint,
} from '../support/aws-recovery';

const MINUTE = 60_000;

const restores = ({ rds }: Pick<ReturnType<typeof setUp>, 'rds'>) =>
  rds.changes.filter((name) => name.startsWith('Restore'));

const marksOf = ({ rds }: Pick<ReturnType<typeof setUp>, 'rds'>, name: string): readonly string[] => {
  const instance = rds.instances.get(`godwit-${name}`);
  return instance === undefined ? [] : rds.contentsOf(instance).marks.map(({ mark }) => mark);
};

/** One mark in the snapshot, one between it and the moment of the restore point, one after that. */
async function withMarks(options: Parameters<typeof setUp>[0] = {}) {
  const all = setUp(options);
  all.application.commit('in the snapshot');
  await all.recovery.beginRestorePoint(POINT.name);
  all.rds.time.advance(2 * MINUTE);
  all.application.commit('while it was made');
  const point = await restorePoint(all);
  all.application.commit('after it');
  return { ...all, point };
}

describe('a restore to a restore point', () => {
  test.each([RESTORED, CLONE])(
    'whose logs have arrived loses nothing and waits for nothing: %s',
    async (name) => {
      const all = await withMarks();
      all.rds.time.advance(15 * MINUTE);
      const { state, messages } = await restored(all, { name });

      expect(state).toEqual({ state: 'ready' });
      expect(restores(all)).toEqual(['RestoreDBInstanceToPointInTime']);
      expect(marksOf(all, name)).toEqual(['in the snapshot', 'while it was made']);
      expect(messages.join()).not.toContain('waited for');
    },
  );

  test('is to its moment in whole seconds, in UTC', async () => {
    const all = await withMarks();
    await restored(all);

    const call = all.rds.mock.calls().find((made) => made.args[0].constructor.name.includes('PointInTime'));
    expect(call?.args[0].input).toMatchObject({
      SourceDBInstanceIdentifier: SERVING,
      RestoreTime: new Date(all.point.at),
    });
    expect(all.point.at).toMatch(/:\d\d\.000Z$/);
  });

  test.each([RESTORED, CLONE])('waits for the logs, says so, and then loses nothing: %s', async (name) => {
    const all = await withMarks();
    const { state, messages } = await restored(all, { name });

    expect(state).toEqual({ state: 'ready' });
    expect(restores(all)).toEqual(['RestoreDBInstanceToPointInTime']);
    expect(marksOf(all, name)).toEqual(['in the snapshot', 'while it was made']);
    expect(messages[0]).toBe(
      `the logs up to ${all.point.at} are waited for: ${SERVING} is restorable up to 2026-03-01T11:55:00.000Z`,
    );
  });

  test('goes by the snapshot once the time for waiting is spent, and says from then on what is lost', async () => {
    const all = await withMarks();
    all.rds.stopLogs();
    const lost = { from: '2026-03-01T12:00:20.000Z', to: all.point.at };

    expect((await restored(all)).state).toEqual({ state: 'ready', lost });
    expect(restores(all)).toEqual(['RestoreDBInstanceFromDBSnapshot']);
    expect(marksOf(all, RESTORED)).toEqual(['in the snapshot']);
    expect(await all.makeRecovery().inspectInstance(RESTORED)).toEqual({ state: 'ready', lost });
    expect(await all.makeRecovery().beginInstance(RESTORED, POINT)).toEqual({ state: 'ready', lost });
  });

  test.each([
    [10 * MINUTE, undefined],
    [3 * MINUTE, 3 * MINUTE],
    [0, 0],
  ])('waits %s ms at most, whoever asks', async (most, waitForLogsMs) => {
    const all = await withMarks(waitForLogsMs === undefined ? {} : { waitForLogsMs });
    all.rds.stopLogs();
    const began = all.rds.time.now().getTime();
    for (let polls = 0; restores(all).length === 0 && polls < 100; polls += 1) {
      await all.makeRecovery().beginInstance(RESTORED, POINT);
      if (restores(all).length === 0) all.rds.time.advance(POLL_MS);
    }

    expect(all.rds.time.now().getTime() - began).toBe(most);
  });

  test('goes by the logs that arrive at the last moment', async () => {
    const all = await withMarks();
    all.rds.stopLogs();
    await all.recovery.beginInstance(RESTORED, POINT);
    all.rds.time.advance(30 * MINUTE);
    all.rds.goOnWithLogs();

    expect((await restored(all)).state).toEqual({ state: 'ready' });
    expect(marksOf(all, RESTORED)).toContain('while it was made');
  });

  test('does not wait where automated backups are off', async () => {
    const all = await withMarks({ serving: { BackupRetentionPeriod: 0 } });
    const { state, messages } = await restored(all);

    expect(state).toMatchObject({ state: 'ready', lost: { to: all.point.at } });
    expect(restores(all)).toEqual(['RestoreDBInstanceFromDBSnapshot']);
    expect(messages.join()).not.toContain('waited for');
  });

  test.each(['InvalidRestoreFault', 'PointInTimeRestoreNotEnabledFault'])(
    'goes by the snapshot where RDS refuses to go by the logs with %s',
    async (name) => {
      const all = await withMarks();
      all.rds.time.advance(15 * MINUTE);
      all.rds.refuseNext.set('RestoreDBInstanceToPointInTime', awsError(name));

      expect((await restored(all)).state).toMatchObject({ state: 'ready', lost: { to: all.point.at } });
    },
  );

  test('waits for a busy instance rather than to lose anything', async () => {
    const all = await withMarks();
    all.rds.time.advance(15 * MINUTE);
    all.rds.refuseNext.set('RestoreDBInstanceToPointInTime', awsError('InvalidDBInstanceStateFault'));

    expect((await restored(all)).state).toEqual({ state: 'ready' });
  });

  test('of a former instance goes by the logs of that one, whatever its name is now', async () => {
    const all = await withMarks();
    all.rds.time.advance(15 * MINUTE);
    const { serving, rds } = all;
    rds.instances.delete(SERVING);
    rds.instances.set('godwit-kept-1', Object.assign(serving, { DBInstanceIdentifier: 'godwit-kept-1' }));
    rds.addInstance(SERVING, {
      ...serving,
      DBInstanceIdentifier: SERVING,
      DbiResourceId: 'db-next',
      TagList: [],
    });

    expect((await restored(all)).state).toEqual({ state: 'ready' });
    expect(marksOf(all, RESTORED)).toEqual(['in the snapshot', 'while it was made']);
  });

  test('of a former instance that is gone goes by the snapshot', async () => {
    const all = await withMarks();
    all.rds.addInstance(SERVING, { ...all.serving, DbiResourceId: 'db-next' });

    expect((await restored(all)).state).toMatchObject({ state: 'ready', lost: { to: all.point.at } });
    expect(marksOf(all, RESTORED)).toEqual(['in the snapshot']);
  });

  test('that is not ready fails, and so does one that does not exist', async () => {
    const all = setUp();
    expect(await all.recovery.beginInstance(RESTORED, POINT)).toEqual({
      state: 'failed',
      reason: `there is no restore point ${POINT.name}`,
    });
    await all.recovery.beginRestorePoint(POINT.name);
    all.rds.time.advance(POLL_MS);
    expect(await all.recovery.beginInstance(RESTORED, POINT)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('RDS reports creating'),
    });
  });
});

describe('a restore to a time', () => {
  const begin = async (all: ReturnType<typeof setUp>, msAgo: number) => {
    const at = new Date(all.rds.time.now().getTime() - msAgo).toISOString();
    return { at, state: await all.recovery.beginInstance(RESTORED, { kind: 'time', at }) };
  };

  test('in the archive is begun at once, to the second before it', async () => {
    const all = setUp();
    const { state } = await begin(all, 30 * MINUTE + 500);

    expect(state).toEqual({ state: 'creating' });
    const call = all.rds.mock.calls().find((made) => made.args[0].constructor.name.includes('PointInTime'));
    expect(call?.args[0].input).toMatchObject({ RestoreTime: new Date('2026-03-01T11:29:59.000Z') });
  });

  test('that is not in the archive yet waits for the logs', async () => {
    const all = setUp();
    const { at, state } = await begin(all, MINUTE);

    expect(state).toMatchObject({ state: 'creating', message: expect.stringContaining('are waited for') });
    expect((await restored(all, { target: { kind: 'time', at } })).state).toEqual({ state: 'ready' });
  });

  test('that is the very last in the archive waits, for RDS takes only what lies before it', async () => {
    const { state } = await begin(setUp(), 5 * MINUTE);

    expect(state).toMatchObject({ state: 'creating', message: expect.stringContaining('are waited for') });
  });

  test('whose logs have not arrived in time fails, and says how far they reach', async () => {
    const all = setUp();
    all.rds.stopLogs();
    all.rds.time.advance(30 * MINUTE);

    expect((await begin(all, 11 * MINUTE)).state).toEqual({
      state: 'failed',
      reason: `the logs up to 2026-03-01T12:19:00.000Z have not arrived: ${SERVING} is restorable up to 2026-03-01T11:55:00.000Z`,
    });
    expect(all.rds.changes).toEqual([]);
  });

  test.each([
    ['in the future', { kind: 'time', at: '2027-01-01T00:00:00.000Z' }, /lies in the future/],
    ['before all backups', { kind: 'time', at: '2020-01-01T00:00:00.000Z' }, /cannot restore to 2020-01-01/],
    ['that is none', { kind: 'time', at: 'yesterday' }, /not an ISO 8601 time/],
    ['that is an LSN', { kind: 'lsn', lsn: '0/1A2B3C4' }, /not to an LSN/],
  ] as const)('%s fails, and leaves nothing behind', async (_, target, reason) => {
    const all = setUp();

    expect(await all.recovery.beginInstance(RESTORED, target)).toEqual({
      state: 'failed',
      reason: expect.stringMatching(reason),
    });
    expect([...all.rds.instances.keys()]).toEqual([SERVING]);
  });

  test('fails where automated backups are off', async () => {
    const all = setUp({ serving: { BackupRetentionPeriod: 0 } });

    expect((await begin(all, 30 * MINUTE)).state).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('automated backups are off'),
    });
  });
});

test('up to when can be restored is told by RDS, and not at all where backups are off', async () => {
  expect(await setUp().recovery.restorableUntil()).toBe('2026-03-01T11:55:00.000Z');
  const off = setUp({ serving: { BackupRetentionPeriod: 0 } });
  expect(await off.recovery.restorableUntil()).toBeUndefined();
});

test('a restore is as exact however often its processes die', async () => {
  const all = await withRestorePoint();
  // Every call fails once, half of them after they took effect.
  const failed = new Set<string>();
  all.rds.fault = ({ name, index }) => {
    if (name.startsWith('Describe') || failed.has(name)) return undefined;
    failed.add(name);
    return index % 2 === 0 ? 'before' : 'after';
  };
  let state = 'absent';
  for (let polls = 0; state !== 'ready'; polls += 1) {
    if (polls > 400) throw new Error('never ready');
    state = await restored(all).then(
      (end) => end.state.state,
      () => 'died',
    );
  }

  expect(await all.recovery.inspectInstance(RESTORED)).toEqual({ state: 'ready' });
  expect([...failed].sort()).toEqual([
    'AddTagsToResource',
    'ModifyDBInstance',
    'RestoreDBInstanceToPointInTime',
  ]);
});
