/** What every home of recovery promises: restore points that can be returned to, beside a database that serves on. */
import type { Database } from '../../lambda/ports/database';
import type { InstanceState, Recovery, RecoveryTarget, RestorePoint } from '../../lambda/ports/recovery';

export interface RecoveryUnderTest {
  readonly recovery: Recovery;
  /** Commits a mark in the serving database. */
  write(mark: string): Promise<void>;
  /** All marks in the serving database, or in an instance, sorted. */
  marksIn(place: 'serving' | Database): Promise<readonly string[]>;
  /** Commits a mark in an instance. */
  writeInto(instance: Database, mark: string): Promise<void>;
  /** Between two inspections: lets time pass, real or not. */
  pause(): Promise<void>;
  dispose(): Promise<void>;
}

const MOST_INSPECTIONS = 3_000;

export function describeRecoveryContract(name: string, make: () => Promise<RecoveryUnderTest>): void {
  describe(`${name} keeps the promises of recovery`, () => {
    let under: RecoveryUnderTest;
    let recovery: Recovery;

    beforeAll(async () => {
      under = await make();
      recovery = under.recovery;
    }, 60_000);
    afterAll(() => under?.dispose());
    afterEach(async () => {
      for (const instance of await recovery.listInstances()) await recovery.discardInstance(instance);
    });

    const restorePoint = (point: string): Promise<RestorePoint> => readyRestorePoint(under, point);
    const instance = (name: string, target: RecoveryTarget): Promise<Database> =>
      readyInstance(under, name, target);

    it('finds that WAL reaches the archive, and says by what', async () => {
      const health = await recovery.archiving();
      expect(health).toEqual({ healthy: true, evidence: expect.stringMatching(/\S/) });
    });

    it('answers absent for what was never begun', async () => {
      expect(await recovery.inspectRestorePoint('never')).toEqual({ state: 'absent' });
      expect(await recovery.inspectInstance('never')).toEqual({ state: 'absent' });
      await expect(recovery.openInstance('never')).rejects.toThrow(/never/);
    });

    it('begins a restore point without waiting for it, and reports it ready with its time', async () => {
      await under.write('before-begin');
      const began = await recovery.beginRestorePoint('begin');
      expect(['creating', 'ready']).toContain(began.state);
      const point = await restorePoint('begin');
      expect(point.name).toBe('begin');
      expect(new Date(point.at).toISOString()).toBe(point.at);
    });

    it('joins a restore point that was begun before', async () => {
      await recovery.beginRestorePoint('join');
      await recovery.beginRestorePoint('join');
      const point = await restorePoint('join');
      expect(await recovery.beginRestorePoint('join')).toEqual({ state: 'ready', restorePoint: point });
      const listed = await recovery.listRestorePoints();
      expect(listed.filter(({ name }) => name === 'join')).toEqual([point]);
    });

    it('lists restore points, the newest first', async () => {
      await restorePoint('older');
      await restorePoint('newer');
      const names = (await recovery.listRestorePoints()).map(({ name }) => name);
      expect(names.slice(0, 2)).toEqual(['newer', 'older']);
    });

    it('makes an instance that holds what was there at the restore point and nothing later', async () => {
      await under.write('exact-before');
      await restorePoint('exact');
      await under.write('exact-after');
      const marks = await under.marksIn(
        await instance('exact-clone', { kind: 'restore-point', name: 'exact' }),
      );
      expect(marks).toContain('exact-before');
      expect(marks).not.toContain('exact-after');
      expect(await under.marksIn('serving')).toEqual(expect.arrayContaining(['exact-before', 'exact-after']));
    });

    it('keeps an instance and the serving database apart', async () => {
      await restorePoint('apart');
      const clone = await instance('apart-clone', { kind: 'restore-point', name: 'apart' });
      await under.writeInto(clone, 'only-in-clone');
      await under.write('only-in-serving');
      expect(await under.marksIn(clone)).toContain('only-in-clone');
      expect(await under.marksIn(clone)).not.toContain('only-in-serving');
      expect(await under.marksIn('serving')).not.toContain('only-in-clone');
    });

    it('makes two instances of one restore point side by side', async () => {
      await restorePoint('twice');
      const target = { kind: 'restore-point', name: 'twice' } as const;
      const [one, two] = await Promise.all([instance('twice-1', target), instance('twice-2', target)]);
      await under.writeInto(one, 'in-one');
      expect(await under.marksIn(two)).not.toContain('in-one');
      expect([...(await recovery.listInstances())].sort()).toEqual(['twice-1', 'twice-2']);
    });

    it('makes an instance as of a moment after a restore point', async () => {
      await restorePoint('moment');
      await under.write('moment-before');
      await apart(under);
      const at = new Date().toISOString();
      await apart(under);
      await under.write('moment-after');
      const marks = await under.marksIn(await instance('moment-clone', { kind: 'time', at }));
      expect(marks).toContain('moment-before');
      expect(marks).not.toContain('moment-after');
    });

    it('joins an instance that was begun before', async () => {
      await restorePoint('again');
      const target = { kind: 'restore-point', name: 'again' } as const;
      await recovery.beginInstance('again-clone', target);
      await recovery.beginInstance('again-clone', target);
      await instance('again-clone', target);
      expect(await recovery.beginInstance('again-clone', target)).toEqual({ state: 'ready' });
    });

    it('discards an instance and all that it holds, and minds no absent one', async () => {
      await restorePoint('discard');
      await instance('discard-clone', { kind: 'restore-point', name: 'discard' });
      await recovery.discardInstance('discard-clone');
      await settled(under, 'discard-clone');
      expect(await recovery.inspectInstance('discard-clone')).toEqual({ state: 'absent' });
      expect(await recovery.listInstances()).not.toContain('discard-clone');
      await recovery.discardInstance('discard-clone');
    });

    it('fails an instance of a restore point that does not exist, and says why', async () => {
      await recovery.beginInstance('lost-clone', { kind: 'restore-point', name: 'lost' });
      const state = await settled(under, 'lost-clone');
      expect(state).toEqual({ state: 'failed', reason: expect.stringContaining('lost') });
      await expect(recovery.openInstance('lost-clone')).rejects.toThrow(/lost-clone/);
      await recovery.discardInstance('lost-clone');
    });
  });
}

export async function readyRestorePoint(under: RecoveryUnderTest, name: string): Promise<RestorePoint> {
  let state = await under.recovery.beginRestorePoint(name);
  for (let looks = 0; state.state === 'creating'; looks += 1) {
    if (looks > MOST_INSPECTIONS) throw new Error(`restore point ${name} is never ready`);
    await under.pause();
    state = await under.recovery.inspectRestorePoint(name);
  }
  if (state.state !== 'ready') throw new Error(`restore point ${name} is ${JSON.stringify(state)}`);
  return state.restorePoint;
}

export async function readyInstance(
  under: RecoveryUnderTest,
  name: string,
  target: RecoveryTarget,
): Promise<Database> {
  await under.recovery.beginInstance(name, target);
  const state = await settled(under, name);
  if (state.state !== 'ready') throw new Error(`instance ${name} is ${JSON.stringify(state)}`);
  return under.recovery.openInstance(name);
}

async function settled(under: RecoveryUnderTest, name: string): Promise<InstanceState> {
  for (let looks = 0; looks < MOST_INSPECTIONS; looks += 1) {
    const state = await under.recovery.inspectInstance(name);
    if (state.state !== 'creating') return state;
    await under.pause();
  }
  throw new Error(`instance ${name} is never done`);
}

/** Milliseconds are what a moment is told by. */
async function apart(under: RecoveryUnderTest): Promise<void> {
  const began = Date.now();
  while (Date.now() - began < 3) await under.pause();
}
