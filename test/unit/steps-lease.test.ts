import type { JournalEntry, Phase } from '../../lambda/domain/run';
import { STEP_NAMES } from '../../lambda/domain/step';
import { LeaseHeld } from '../../lambda/journal/lease';
import type { ObjectStore } from '../../lambda/ports/object-store';
import type { StepBody } from '../../lambda/steps/context';
import { abortSignal } from '../../lambda/steps/enter';
import { type Answer, answers, PASSED, RUN, useSteps, WAITING } from '../support/steps';

const steps = useSteps();
const { enter, holdLease, journaled } = steps;
const typesOf = (entries: readonly JournalEntry[]): string[] => entries.map((entry) => entry.type);

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
    steps.pass(120_000);
    await holdLease('another run', 'another process');
    steps.pass(120_000);
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
        steps.pass(120_000);
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
        get: (key) => (fails ? Promise.reject(new Error('no answer')) : steps.store.get(key)),
        list: (prefix) => steps.store.list(prefix),
        putIfAbsent: (key, body) => steps.store.putIfAbsent(key, body),
        putIfMatch: (key, body, version) => steps.store.putIfMatch(key, body, version),
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
