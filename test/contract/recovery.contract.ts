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
  /** By the clock that restore points and targets are told by. */
  now(): Date;
  /** Between two inspections: lets time pass, real or not. */
  pause(): Promise<void>;
  dispose(): Promise<void>;
}

/** What not every home of recovery can do. */
export interface RecoveryPowers {
  /** Whether marks can be written and read: an emulator of AWS has no databases. */
  readonly holdsData: boolean;
  readonly recoversToLsn: boolean;
  /** To which times are recovered. */
  readonly granuleMs: number;
}

const MOST_INSPECTIONS = 3_000;

export function describeRecoveryContract(
  name: string,
  make: () => Promise<RecoveryUnderTest>,
  powers: RecoveryPowers = { holdsData: true, recoversToLsn: true, granuleMs: 1 },
): void {
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
      const began = await recovery.beginRestorePoint('begin');
      expect(['creating', 'ready']).toContain(began.state);
      const point = await restorePoint('begin');
      expect(point.name).toBe('begin');
      expect(new Date(point.at).toISOString()).toBe(point.at);
    });

    it('tells up to when what was committed could be recovered, and never later than now', async () => {
      const { at } = await restorePoint('until');
      let until = await recovery.restorableUntil();
      for (let looks = 0; until === undefined || until < at; looks += 1) {
        if (looks > MOST_INSPECTIONS) throw new Error(`restorable up to ${until}, never ${at}`);
        await under.pause();
        until = await recovery.restorableUntil();
      }
      expect(new Date(until).toISOString()).toBe(until);
      expect(new Date(until).getTime()).toBeLessThanOrEqual(under.now().getTime());
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

    it('joins an instance that was begun before', async () => {
      await restorePoint('again');
      const target = { kind: 'restore-point', name: 'again' } as const;
      await recovery.beginInstance('rehearsal-again', target);
      await recovery.beginInstance('rehearsal-again', target);
      await instance('rehearsal-again', target);
      expect(await recovery.beginInstance('rehearsal-again', target)).toMatchObject({ state: 'ready' });
    });

    it('discards an instance and all that it holds, and minds no absent one', async () => {
      await restorePoint('discard');
      await instance('rehearsal-discard', { kind: 'restore-point', name: 'discard' });
      await recovery.discardInstance('rehearsal-discard');
      await gone(under, 'rehearsal-discard');
      expect(await recovery.inspectInstance('rehearsal-discard')).toEqual({ state: 'absent' });
      expect(await recovery.listInstances()).not.toContain('rehearsal-discard');
      await recovery.discardInstance('rehearsal-discard');
    });

    it('fails an instance of a restore point that does not exist, and says why', async () => {
      const state = await settled(under, 'rehearsal-lost', { kind: 'restore-point', name: 'lost' });
      expect(state).toEqual({ state: 'failed', reason: expect.stringContaining('lost') });
      await expect(recovery.openInstance('rehearsal-lost')).rejects.toThrow(/rehearsal-lost/);
      await recovery.discardInstance('rehearsal-lost');
    });

    it('fails an instance as of a time in the future, says why, and leaves nothing behind', async () => {
      const at = new Date(under.now().getTime() + 3_600_000).toISOString();
      const state = await settled(under, 'rehearsal-future', { kind: 'time', at });
      expect(state).toEqual({ state: 'failed', reason: expect.stringContaining('in the future') });
      expect(await recovery.listInstances()).not.toContain('rehearsal-future');
      await recovery.discardInstance('rehearsal-future');
    });

    if (!powers.recoversToLsn) {
      it('fails an instance at an LSN, says that it cannot, and leaves nothing behind', async () => {
        const state = await settled(under, 'rehearsal-lsn', { kind: 'lsn', lsn: '0/1A2B3C4' });
        expect(state).toEqual({ state: 'failed', reason: expect.stringContaining('LSN') });
        expect(await recovery.inspectInstance('rehearsal-lsn')).toEqual({ state: 'absent' });
      });
    }

    if (!powers.holdsData) return;

    it('makes an instance that holds what was there at the restore point and nothing later', async () => {
      await under.write('exact-before');
      await restorePoint('exact');
      await under.write('exact-after');
      const marks = await under.marksIn(
        await instance('rehearsal-exact', { kind: 'restore-point', name: 'exact' }),
      );
      expect(marks).toContain('exact-before');
      expect(marks).not.toContain('exact-after');
      expect(await under.marksIn('serving')).toEqual(expect.arrayContaining(['exact-before', 'exact-after']));
    });

    it('keeps an instance and the serving database apart', async () => {
      await restorePoint('apart');
      const clone = await instance('rehearsal-apart', { kind: 'restore-point', name: 'apart' });
      await under.writeInto(clone, 'only-in-clone');
      await under.write('only-in-serving');
      expect(await under.marksIn(clone)).toContain('only-in-clone');
      expect(await under.marksIn(clone)).not.toContain('only-in-serving');
      expect(await under.marksIn('serving')).not.toContain('only-in-clone');
    });

    it('makes two instances of one restore point side by side', async () => {
      await restorePoint('twice');
      const target = { kind: 'restore-point', name: 'twice' } as const;
      const [one, two] = await Promise.all([
        instance('rehearsal-twice-1', target),
        instance('rehearsal-twice-2', target),
      ]);
      await under.writeInto(one, 'in-one');
      expect(await under.marksIn(two)).not.toContain('in-one');
      expect([...(await recovery.listInstances())].sort()).toEqual([
        'rehearsal-twice-1',
        'rehearsal-twice-2',
      ]);
    });

    it('makes an instance as of a moment after a restore point', async () => {
      await restorePoint('moment');
      await under.write('moment-before');
      const at = await momentFrom(under, powers.granuleMs);
      await under.write('moment-after');
      const marks = await under.marksIn(await instance('rehearsal-moment', { kind: 'time', at }));
      expect(marks).toContain('moment-before');
      expect(marks).not.toContain('moment-after');
    });

    if (powers.recoversToLsn) {
      it('makes an instance as of an LSN that a restore point tells', async () => {
        await under.write('lsn-before');
        const { lsn = '' } = await restorePoint('lsn');
        await under.write('lsn-after');
        const marks = await under.marksIn(await instance('rehearsal-lsn', { kind: 'lsn', lsn }));
        expect(marks).toContain('lsn-before');
        expect(marks).not.toContain('lsn-after');
      });
    }
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
  const state = await settled(under, name, target);
  if (state.state !== 'ready') throw new Error(`instance ${name} is ${JSON.stringify(state)}`);
  return under.recovery.openInstance(name);
}

/** Absent is begun again, as a run does: begun, an instance may wait for something before there is any. */
async function settled(
  { recovery, pause }: RecoveryUnderTest,
  name: string,
  target: RecoveryTarget,
): Promise<InstanceState> {
  let state = await recovery.beginInstance(name, target);
  for (let looks = 0; state.state === 'creating'; looks += 1) {
    if (looks > MOST_INSPECTIONS) throw new Error(`instance ${name} is never done: ${state.message}`);
    await pause();
    state = await recovery.inspectInstance(name);
    if (state.state === 'absent') state = await recovery.beginInstance(name, target);
  }
  return state;
}

async function gone({ recovery, pause }: RecoveryUnderTest, name: string): Promise<void> {
  for (let looks = 0; (await recovery.inspectInstance(name)).state !== 'absent'; looks += 1) {
    if (looks > MOST_INSPECTIONS) throw new Error(`instance ${name} is never gone`);
    await pause();
  }
}

/** A moment that a target can be told by, after all that was written before and before all that will be. */
async function momentFrom(under: RecoveryUnderTest, granuleMs: number): Promise<string> {
  await passed(under, 3 * granuleMs);
  const at = Math.floor(under.now().getTime() / granuleMs) * granuleMs;
  await passed(under, 3 * granuleMs);
  return new Date(at).toISOString();
}

async function passed(under: RecoveryUnderTest, ms: number): Promise<void> {
  const began = under.now().getTime();
  while (under.now().getTime() - began < ms) await under.pause();
}
