import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { abortKey } from '../../lambda/domain/question';
import { DEFAULT_POLICY, type JournalEntry, PHASE_OF, type Phase } from '../../lambda/domain/run';
import { type ProgressEvent, STEP_NAMES, type StepInput, type StepName } from '../../lambda/domain/step';
import { createRun, Journal, UnknownRun } from '../../lambda/journal/journal';
import { claimLease, LeaseHeld } from '../../lambda/journal/lease';
import type { ObjectStore } from '../../lambda/ports/object-store';
import type { StepBody, StepContext, StepOutcome } from '../../lambda/steps/context';
import { abortSignal, step } from '../../lambda/steps/enter';

const START = Date.parse('2026-01-31T12:00:00.000Z');
const RUN = 'run-20260131-120000-abcd';
const DATABASE = `127.0.0.1:5432/it's "ours"`;

let root: string;
let store: FileObjectStore;
let nowMs: number;
let told: ProgressEvent[];
let stop: AbortController;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-steps-'));
  store = new FileObjectStore(root);
  nowMs = START;
  told = [];
  stop = new AbortController();
  await createRun(store, {
    runId: RUN,
    requestedAt: new Date(START).toISOString(),
    requestedBy: 'me',
    database: DATABASE,
    project: { schema: '', lockfile: undefined, migrations: [], invariants: [] },
    policy: DEFAULT_POLICY,
  });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const untouched = (port: string): never =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error(`${port} is not for this test`);
      },
    },
  ) as never;

const context = (more: Partial<StepContext> = {}): StepContext => ({
  database: untouched('database'),
  recovery: undefined,
  endpoint: undefined,
  capacity: undefined,
  store,
  engine: untouched('engine'),
  notifier: untouched('notifier'),
  metrics: untouched('metrics'),
  clock: { now: () => new Date(nowMs), sleep: async () => undefined },
  progress: { report: (event) => void told.push(event) },
  owner: 'me',
  isOwnerGone: () => false,
  signal: stop.signal,
  stepTimeMs: 60_000,
  ...more,
});

type Answer = StepOutcome<never>;
const answers = (...outcomes: readonly Answer[]): jest.Mock<Promise<Answer>> => {
  const body = jest.fn<Promise<Answer>, []>();
  for (const outcome of outcomes) body.mockResolvedValueOnce(outcome);
  return body;
};
const PASSED: Answer = { verdict: 'passed', message: 'done' };
const WAITING: Answer = { verdict: 'waiting', message: 'not yet' };

const enter = (
  name: StepName,
  body: StepBody<Phase>,
  input: Partial<StepInput> = {},
  more: Partial<StepContext> = {},
) => step(name, body)(context(more), { runId: RUN, ...input });
const journaled = async (): Promise<readonly JournalEntry[]> => (await Journal.open(store, RUN)).entries;
const typesOf = (entries: readonly JournalEntry[]): string[] => entries.map((entry) => entry.type);
const holdLease = (runId: string, owner: string) =>
  claimLease(store, {
    database: DATABASE,
    runId,
    owner,
    ttlMs: 60_000,
    now: new Date(nowMs),
    isOwnerGone: () => false,
  });

describe('a step that is entered', () => {
  it('writes down that it was, does its work once, and leaves its checkpoint with its record', async () => {
    const record = { restorePoint: `before "${RUN}"\n`, at: new Date(START).toISOString() };
    const body = jest.fn(async () => ({ ...PASSED, route: 'go', record }));
    expect(await enter('BeginSnapshot', body)).toEqual({ verdict: 'passed', route: 'go' });
    expect(await journaled()).toEqual([
      { type: 'entered', at: '2026-01-31T12:00:00.000Z', step: 'BeginSnapshot', owner: 'me' },
      expect.objectContaining({
        type: 'checkpoint',
        step: 'BeginSnapshot',
        phase: 'Snapshot',
        verdict: 'passed',
        route: 'go',
        message: 'done',
        record,
      }),
    ]);
    expect(told.map((event) => event.type === 'step' && event.status)).toEqual(['entered', 'passed']);
  });

  it('answers from its checkpoint when it is entered again, without working or waiting for the lease', async () => {
    await enter('BeginSnapshot', answers({ verdict: 'failed', route: 'odd', message: 'no' }));
    const before = await journaled();
    nowMs += 120_000;
    await holdLease('another run', 'another process');
    const body = answers(PASSED);
    for (const name of ['BeginSnapshot', 'InspectSnapshot'] as const) {
      expect(await enter(name, body)).toEqual({ verdict: 'failed', route: 'odd' });
    }
    expect(body).not.toHaveBeenCalled();
    expect(await journaled()).toEqual(before);
  });

  it('goes on where it waited, with one entry for all its entering', async () => {
    const body = answers(WAITING, WAITING, PASSED);
    expect(await enter('InspectSnapshot', body)).toEqual({ verdict: 'waiting', route: 'waiting' });
    await enter('InspectSnapshot', body);
    expect(await enter('InspectSnapshot', body)).toEqual({ verdict: 'passed', route: 'passed' });
    expect(typesOf(await journaled())).toEqual(['entered', 'checkpoint']);
    expect(told.map((event) => event.status)).toEqual([
      'entered',
      'waiting',
      'progress',
      'waiting',
      'progress',
      'passed',
    ]);
  });

  it('does not count a begun rehearsal as a rehearsal, but one that could not begin', async () => {
    await enter('BeginRehearsal', answers(PASSED));
    await enter('InspectRehearsal', answers(PASSED));
    expect(typesOf(await journaled())).toEqual(['entered', 'entered']);
    const body = answers({ verdict: 'failed', message: 'no clone' });
    await enter('RunRehearsal', body);
    expect(body).toHaveBeenCalledTimes(1);
    expect(await enter('BeginRehearsal', answers(PASSED))).toMatchObject({ verdict: 'failed' });
  });

  it('leaves no checkpoint where it throws, and the lease to whoever goes on', async () => {
    const body = jest.fn().mockRejectedValueOnce(new Error('lost')).mockResolvedValueOnce(PASSED);
    await expect(enter('Migrate', body)).rejects.toThrow('lost');
    expect(typesOf(await journaled())).toEqual(['entered']);
    expect(await enter('Migrate', body)).toMatchObject({ verdict: 'passed' });
  });

  it('hands its work the run, its policy, its deadline and a way to tell', async () => {
    await enter('Baseline', async (run) => {
      expect(run).toMatchObject({ runId: RUN, request: { database: DATABASE } });
      expect(run.policy).toEqual(DEFAULT_POLICY);
      expect(run.deadline).toEqual(new Date(START + 60_000));
      run.tell('half', { done: 1, total: 2, unit: 'rows' });
      return PASSED;
    });
    expect(told[1]).toEqual({
      type: 'step',
      step: 'Baseline',
      status: 'progress',
      message: 'half',
      done: 1,
      total: 2,
      unit: 'rows',
    });
  });

  it('is refused for a run that nobody asked for', async () => {
    await expect(enter('Preflight', answers(PASSED), { runId: 'run-unknown' })).rejects.toThrow(UnknownRun);
  });
});

describe('a wish to stop', () => {
  const stoppable = STEP_NAMES.slice(0, STEP_NAMES.indexOf('Migrate'));
  const others = STEP_NAMES.slice(STEP_NAMES.indexOf('Migrate'));
  const wishes: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['of somebody elsewhere', () => store.putIfAbsent(abortKey(RUN), '{}')],
    ['of this process', async () => stop.abort()],
  ];

  it.each(wishes)('%s blocks every step before Migrate, without its work', async (_, wish) => {
    await wish();
    const body = answers(PASSED);
    for (const name of stoppable)
      expect(await enter(name, body)).toEqual({ verdict: 'blocked', route: 'aborted' });
    expect(body).not.toHaveBeenCalled();
    const checkpoints = (await journaled()).filter((entry) => entry.type === 'checkpoint');
    expect(checkpoints.map((entry) => entry.phase)).toEqual([
      ...new Set(stoppable.map((name) => PHASE_OF[name])),
    ]);
  });

  it.each(wishes)('%s keeps no step from working once Migrate has begun', async (_, wish) => {
    await wish();
    for (const name of others) {
      const body = answers(WAITING);
      expect(await enter(name, body)).toMatchObject({ verdict: 'waiting' });
      expect(body).toHaveBeenCalledTimes(1);
    }
  });

  it.each(wishes)('%s reaches work that is under way', async (_, wish) => {
    const body: StepBody<Phase> = async (run) => {
      const abort = abortSignal(run);
      expect(abort.signal.aborted).toBe(false);
      const heard = new Promise((resolve) => abort.signal.addEventListener('abort', resolve));
      await wish();
      await heard;
      abort.stop();
      return PASSED;
    };
    expect(await enter('Migrate', body)).toMatchObject({ verdict: 'passed' });
  });
});

describe('the lease', () => {
  it('of another run blocks Preflight, which tells whose it is', async () => {
    await holdLease('another run', 'another process');
    const body = answers(PASSED);
    expect(await enter('Preflight', body)).toEqual({ verdict: 'blocked', route: 'blocked' });
    expect(body).not.toHaveBeenCalled();
    expect((await journaled()).at(-1)).toMatchObject({
      verdict: 'blocked',
      message: expect.stringContaining('run another run (another process)'),
    });
  });

  it('of another run stops every later step, but none of those that only tell what happened', async () => {
    await holdLease('another run', 'another process');
    for (const name of STEP_NAMES.slice(1)) {
      const body = answers(WAITING);
      const entering = enter(name, body);
      if (['Finish', 'Report', 'Notify'].includes(name))
        await expect(entering).resolves.toMatchObject({ verdict: 'waiting' });
      else await expect(entering).rejects.toThrow(LeaseHeld);
    }
    expect(typesOf(await journaled())).not.toContain('checkpoint');
  });

  it('of the same run passes on from a process that is gone', async () => {
    await holdLease(RUN, 'killed');
    await expect(enter('Validate', answers(PASSED))).rejects.toThrow(LeaseHeld);
    expect(
      await enter('Validate', answers(PASSED), {}, { isOwnerGone: (owner) => owner === 'killed' }),
    ).toMatchObject({ verdict: 'passed' });
  });

  it('that another process of the same run has got leaves nothing of that run to this one, not even the telling', async () => {
    await holdLease(RUN, 'another process');
    for (const name of STEP_NAMES) {
      const body = answers(PASSED);
      await expect(enter(name, body, { error: { Error: 'Odd' } })).rejects.toThrow(LeaseHeld);
      expect(body).not.toHaveBeenCalled();
    }
    expect(await journaled()).toEqual([]);
  });

  it('hands its fencing token to the work, the same until it changes hands', async () => {
    const tokens: unknown[] = [];
    const body: StepBody<Phase> = async ({ fencingToken }) => {
      tokens.push(fencingToken?.number);
      return WAITING;
    };
    await enter('Migrate', body);
    await enter('Migrate', body);
    nowMs += 120_000;
    await holdLease('another run', 'another process');
    nowMs += 120_000;
    await enter('Migrate', body);
    await enter('Report', body);
    expect(tokens).toEqual([1, 1, 3, undefined]);
  });

  it('that a renewal finds in other hands stops the work, which is not concluded', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const entering = enter('Migrate', async (run) => {
        const abort = abortSignal(run);
        const stopped = new Promise((resolve) => abort.signal.addEventListener('abort', resolve));
        nowMs += 120_000;
        await holdLease('another run', 'another process');
        jest.advanceTimersByTime(20_000);
        await stopped;
        abort.stop();
        return { verdict: 'failed', message: 'stopped' };
      });
      await expect(entering).rejects.toThrow(LeaseHeld);
      expect(typesOf(await journaled())).toEqual(['entered']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('whose renewal the store does not answer lets the work go on', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      let fails = false;
      const failing: ObjectStore = {
        get: (key) => (fails ? Promise.reject(new Error('no answer')) : store.get(key)),
        list: (prefix) => store.list(prefix),
        putIfAbsent: (key, body) => store.putIfAbsent(key, body),
        putIfMatch: (key, body, version) => store.putIfMatch(key, body, version),
      };
      const working = async (run: { takenOver?: AbortSignal }): Promise<Answer> => {
        fails = true;
        await jest.advanceTimersByTimeAsync(20_000);
        fails = false;
        expect(run.takenOver?.aborted).toBe(false);
        return PASSED;
      };
      expect(await enter('Migrate', working, {}, { store: failing })).toMatchObject({ verdict: 'passed' });
    } finally {
      jest.useRealTimers();
    }
  });

  it('is held while a step works', async () => {
    await enter('Validate', async () => {
      await expect(holdLease('another run', 'another process')).rejects.toThrow(LeaseHeld);
      return PASSED;
    });
  });
});

describe('a crash', () => {
  const lambdaCause = JSON.stringify({
    errorType: 'TypeError',
    errorMessage: `it's "gone"\nfor good`,
    trace: [],
  });

  it.each([
    ['as a Lambda tells it', { Error: 'TypeError', Cause: lambdaCause }, `it's "gone"\nfor good`],
    ['in plain words', { Error: 'States.TaskFailed', Cause: 'no {json}' }, 'no {json}'],
    ['without a word', { Error: 'States.Timeout' }, ''],
    ['as other JSON', { Error: 'Odd', Cause: '{"reason":1}' }, '{"reason":1}'],
  ])('is written down by the step that catches it, %s', async (_, error, cause) => {
    const body = jest.fn(async (run: { journal: Journal }) => {
      expect(typesOf(run.journal.entries)).toEqual(['entered', 'crashed']);
      return PASSED;
    });
    expect(await enter('Finish', body, { error })).toMatchObject({ verdict: 'passed' });
    expect((await journaled())[1]).toEqual({
      type: 'crashed',
      at: '2026-01-31T12:00:00.000Z',
      error: error.Error,
      cause,
    });
  });

  it('closes the phase that crashed, so that a run that goes on does not enter it again', async () => {
    const crashing = answers(PASSED);
    await expect(enter('Migrate', jest.fn().mockRejectedValue(new Error('gone')))).rejects.toThrow('gone');
    await enter('Assess', answers(PASSED), { error: { Error: 'Error', Cause: 'gone' } });
    expect(await enter('Migrate', crashing)).toMatchObject({ verdict: 'indeterminate' });
    expect(crashing).not.toHaveBeenCalled();
  });

  it('is not written down by a step that none led to', async () => {
    await enter('Finish', answers(PASSED));
    expect(typesOf(await journaled())).toEqual(['entered', 'checkpoint']);
  });
});
