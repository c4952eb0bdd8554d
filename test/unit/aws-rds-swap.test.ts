import fc from 'fast-check';
import { RdsEndpoint } from '../../lambda/adapters/aws/rds-endpoint';
import { type Database, DatabaseUnreachable, type Session } from '../../lambda/ports/database';
import { type FakeCall, type FakeRds, NOW } from '../support/aws-fake-rds';
import { MemoryStore } from '../support/aws-memory-store';
import {
  RESTORED,
  RUN,
  restored,
  restorePoint,
  SERVING,
  SETTINGS_OF_ITS_OWN,
  setUp,
} from '../support/aws-recovery';

const KEPT = `kept-${RUN}`;

/** Leads to whatever bears the serving name; the old instance alone is fenced. */
class ByName implements Database {
  readonly address = { host: SERVING, port: 5433, database: 'wedefidaily', user: 'godwit' };
  readonly #rds: FakeRds;
  readonly #fenced: string | undefined;

  constructor(rds: FakeRds, fenced: string | undefined) {
    this.#rds = rds;
    this.#fenced = fenced;
  }

  async connectionString(): Promise<string> {
    return 'postgresql://unused';
  }

  async connect(): Promise<Session> {
    const instance = this.#rds.instances.get(SERVING);
    if (instance?.DBInstanceStatus !== 'available')
      throw new DatabaseUnreachable(this.address, 'nobody answers');
    const rowCount = instance.DbiResourceId === this.#fenced ? 1 : 0;
    return { backendPid: 1, query: async () => ({ rows: [], rowCount }), close: async () => undefined };
  }
}

/** A restored instance that is ready to be cut over to; every call of the cut-over is by a process of its own. */
function readyToSwap() {
  const all = setUp();
  const next = all.rds.addInstance(`godwit-${RESTORED}`, {
    ...structuredClone(SETTINGS_OF_ITS_OWN),
    DeletionProtection: false,
    Endpoint: { Address: 'elsewhere', Port: 5433 },
    TagList: [
      { Key: 'team', Value: 'data' },
      { Key: 'godwit:database', Value: SERVING },
      { Key: 'godwit:settled', Value: NOW.toISOString() },
    ],
  });
  const cutOver = () =>
    new RdsEndpoint({
      client: all.rds.client,
      instance: SERVING,
      database: new ByName(all.rds, all.serving.DbiResourceId),
      store: new MemoryStore(),
      clock: all.rds.time,
    }).cutOver(RESTORED, KEPT);
  return { ...all, next, cutOver };
}

type Swap = ReturnType<typeof readyToSwap>;

/** Dies with each failure and is begun again; the old instance is never unprotected, and none is ever lost. */
async function untilPassed(
  { rds, serving, next, cutOver }: Swap,
  { waits }: { readonly waits: (polls: number) => number },
): Promise<number> {
  let deaths = 0;
  for (let polls = 0; polls < 300; polls += 1) {
    try {
      if ((await cutOver()) === 'passed') return deaths;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'AwsCallFailed') throw error;
      deaths += 1;
    }
    expect(serving.DeletionProtection).toBe(true);
    rds.time.advance(waits(polls));
    expect(rds.changes).not.toContain('DeleteDBInstance');
    expect(next.DBInstanceStatus).not.toBe('stopped');
  }
  throw new Error('never passed');
}

function expectSwapped({ rds, serving, next }: Swap): void {
  expect(rds.instances.get(SERVING)).toBe(next);
  expect(next).toMatchObject({ DBInstanceStatus: 'available', DeletionProtection: true });
  expect(rds.instances.get(`godwit-${KEPT}`)).toBe(serving);
  expect(serving).toMatchObject({ DBInstanceStatus: 'stopped', DeletionProtection: true });
  expect(rds.instances.size).toBe(2);
}

const faultAt = (at: number, when: 'before' | 'after') => {
  let calls = 0;
  return (_: FakeCall): 'before' | 'after' | undefined => {
    calls += 1;
    return calls === at ? when : undefined;
  };
};

describe('a cut-over', () => {
  test.each(['before', 'after'] as const)(
    'that dies at any of its calls, %s it took effect, ends swapped',
    async (when) => {
      for (let at = 1; ; at += 1) {
        const swap = readyToSwap();
        swap.rds.fault = faultAt(at, when);
        const deaths = await untilPassed(swap, { waits: () => 45_000 });
        expectSwapped(swap);
        if (deaths === 0) {
          // Beyond the last call: every one before it has failed once.
          expect(at).toBeGreaterThan(20);
          return;
        }
      }
    },
  );

  test('that dies again and again, looked at however often, ends swapped', async () => {
    const arbitrary = fc.record({
      faults: fc.array(fc.constantFrom('before', 'after', undefined, undefined), {
        minLength: 5,
        maxLength: 30,
      }),
      waits: fc.array(fc.integer({ min: 3_000, max: 90_000 }), { minLength: 3, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ faults, waits }) => {
        const swap = readyToSwap();
        let calls = 0;
        swap.rds.fault = () => faults[calls++];
        await untilPassed(swap, { waits: (polls) => waits[polls % waits.length] ?? 15_000 });
        expectSwapped(swap);
      }),
      { numRuns: 25, seed: 20260301 },
    );
  });

  test('makes four changes, and none more once it has passed', async () => {
    const swap = readyToSwap();
    const before = swap.rds.changes.length;
    await untilPassed(swap, { waits: () => 15_000 });
    expect(swap.rds.changes.slice(before)).toEqual([
      'ModifyDBInstance',
      'ModifyDBInstance',
      'ModifyDBInstance',
      'StopDBInstance',
    ]);

    expect(await swap.cutOver()).toBe('passed');
    expect(swap.rds.changes).toHaveLength(before + 4);
  });

  test('leaves an instance that can be restored in its turn, to a new restore point', async () => {
    const swap = readyToSwap();
    await untilPassed(swap, { waits: () => 15_000 });
    // By the address that it had from the beginning.
    swap.application.commit('after the first restore');

    await restorePoint(swap, 'before-next');
    swap.application.commit('after the second restore point');
    const target = { kind: 'restore-point', name: 'before-next' } as const;
    const { state } = await restored(swap, { name: 'restored-next', target });

    expect(state.state).toBe('ready');
    const next = swap.rds.instances.get('godwit-restored-next');
    expect(next && swap.rds.contentsOf(next).marks.map(({ mark }) => mark)).toEqual([
      'after the first restore',
    ]);
    expect(await swap.recovery.listInstances()).toEqual(['restored-next']);
  });
});
