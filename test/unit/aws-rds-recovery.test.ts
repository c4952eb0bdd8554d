import { InstanceBusy } from '../../lambda/adapters/aws/errors';
import { NotDisposable } from '../../lambda/adapters/aws/rds-names';
import {
  CLONE,
  POINT,
  RESTORED,
  RUN,
  restored,
  SERVING,
  setUp,
  withRestorePoint,
} from '../support/aws-recovery';

describe('an instance', () => {
  test('is creating, then being completed, then ready, and never the one before the other', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    const { messages } = await restored(all);

    expect(messages[0]).toBe('RDS reports creating');
    expect(messages).toContain('settings that a restore cannot set are being applied');
    expect(messages.indexOf('RDS reports backing-up')).toBeLessThan(
      messages.indexOf('settings that a restore cannot set are being applied'),
    );
  });

  test('begun twice is restored once, shown yet or not', async () => {
    const { rds, recovery } = await withRestorePoint({ waitForLogsMs: 0 });
    expect((await recovery.beginInstance(RESTORED, POINT)).state).toBe('creating');
    expect((await recovery.beginInstance(RESTORED, POINT)).state).toBe('creating');
    rds.time.advance(60_000);
    expect((await recovery.beginInstance(RESTORED, POINT)).state).toBe('creating');

    expect([...rds.instances.keys()].sort()).toEqual([`godwit-${RESTORED}`, SERVING]);
  });

  test('is begun anew once the former one of its name is gone', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    await restored(all, { name: CLONE });
    await all.recovery.discardInstance(CLONE);
    const { state, messages } = await restored(all, { name: CLONE });

    expect(messages[0]).toBe('the former one of this name is being deleted');
    expect(state.state).toBe('ready');
  });

  test('that is ready is opened at its own endpoint', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    await restored(all, { name: CLONE });

    expect((await all.recovery.openInstance(CLONE)).address).toMatchObject({
      host: `godwit-${CLONE}.example.eu-central-1.rds.amazonaws.com`,
      port: 5433,
    });
  });

  test('that is not there or listens nowhere yet cannot be opened', async () => {
    const { rds, recovery } = await withRestorePoint({ waitForLogsMs: 0 });
    await expect(recovery.openInstance(CLONE)).rejects.toThrow(`there is no instance ${CLONE}`);
    await recovery.beginInstance(CLONE, POINT);
    rds.time.advance(60_000);
    await expect(recovery.openInstance(CLONE)).rejects.toThrow(/no endpoint yet/);
  });
});

describe('discarding', () => {
  test('removes a clone with its backups; an absent one is no error', async () => {
    const all = await withRestorePoint();
    const { rds, recovery } = all;
    await restored(all, { name: CLONE });
    await recovery.discardInstance(CLONE);
    expect(await recovery.listInstances()).toEqual([]);
    await recovery.discardInstance(CLONE);
    rds.time.advance(600_000);
    expect(await recovery.inspectInstance(CLONE)).toEqual({ state: 'absent' });
    await recovery.discardInstance(CLONE);

    const deletions = rds.mock
      .calls()
      .filter((call) => call.args[0].constructor.name === 'DeleteDBInstanceCommand');
    expect(deletions.map((call) => call.args[0].input)).toEqual([
      { DBInstanceIdentifier: `godwit-${CLONE}`, SkipFinalSnapshot: true, DeleteAutomatedBackups: true },
    ]);
  });

  test('of one that RDS is still making is refused by name, and done later', async () => {
    const { rds, recovery } = await withRestorePoint({ waitForLogsMs: 0 });
    await recovery.beginInstance(CLONE, POINT);
    rds.time.advance(60_000);
    await expect(recovery.discardInstance(CLONE)).rejects.toThrow(InstanceBusy);
    rds.time.advance(1_200_000);
    await recovery.discardInstance(CLONE);
    expect(rds.instances.get(`godwit-${CLONE}`)?.DBInstanceStatus).toBe('deleting');
  });

  test('refuses what is kept, whatever it is asked', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-kept-${RUN}`, { TagList: [{ Key: 'godwit:database', Value: SERVING }] });

    await expect(recovery.discardInstance(`kept-${RUN}`)).rejects.toThrow(NotDisposable);
    expect(rds.changes).toEqual([]);
  });

  test('refuses a clone that was made from another database', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-${CLONE}`, { TagList: [{ Key: 'godwit:database', Value: 'another' }] });

    await expect(recovery.discardInstance(CLONE)).rejects.toThrow(NotDisposable);
    expect(rds.changes).toEqual([]);
  });

  test('refuses the restored instance half-way through a cut-over', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-${RESTORED}`, { TagList: [{ Key: 'godwit:database', Value: SERVING }] });
    rds.instances.delete(SERVING);

    await expect(recovery.discardInstance(RESTORED)).rejects.toThrow(/cut-over may be under way/);
    rds.addInstance(SERVING, { DBInstanceStatus: 'renaming' });
    await expect(recovery.discardInstance(RESTORED)).rejects.toThrow(/RDS reports renaming/);
    expect(rds.changes).toEqual([]);
  });
});

test('instances of this database are listed across pages by their names', async () => {
  const { rds, recovery } = setUp();
  const tags = { TagList: [{ Key: 'godwit:database', Value: SERVING }] };
  rds.addInstance('another-team');
  rds.addInstance('godwit-rehearsal-b', tags);
  rds.addInstance('godwit-rehearsal-a', tags);
  rds.addInstance('godwit-rehearsal-c');
  // Restored once, served, and restored over: it still carries the tag.
  rds.addInstance('godwit-kept-a', tags);

  expect(await recovery.listInstances()).toEqual(['rehearsal-a', 'rehearsal-b']);
});
