import { abortKey } from '../../lambda/domain/question';
import { DEFAULT_POLICY, type JournalEntry, PHASE_OF, type Phase } from '../../lambda/domain/run';
import { STEP_NAMES } from '../../lambda/domain/step';
import { type Journal, UnknownRun } from '../../lambda/journal/journal';
import type { StepBody } from '../../lambda/steps/context';
import { abortSignal } from '../../lambda/steps/enter';
import { answers, DATABASE, PASSED, RUN, START, useSteps, WAITING } from '../support/steps';

const steps = useSteps();
const { enter, holdLease, journaled } = steps;
const typesOf = (entries: readonly JournalEntry[]): string[] => entries.map((entry) => entry.type);

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
    expect(steps.told.map((event) => event.type === 'step' && event.status)).toEqual(['entered', 'passed']);
  });

  it('answers from its checkpoint when it is entered again, without working or waiting for the lease', async () => {
    await enter('BeginSnapshot', answers({ verdict: 'failed', route: 'odd', message: 'no' }));
    const before = await journaled();
    steps.pass(120_000);
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
    expect(steps.told.map((event) => event.status)).toEqual([
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
    expect(steps.told[1]).toEqual({
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
    ['of somebody elsewhere', () => steps.store.putIfAbsent(abortKey(RUN), '{}')],
    ['of this process', async () => steps.stop.abort()],
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
