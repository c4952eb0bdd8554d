import { getEventListeners } from 'node:events';
import { SystemClock } from '../../lambda/adapters/system-clock';

describe('SystemClock keeps the promises of a clock', () => {
  const clock = new SystemClock();

  it('sleeps for as long as it is told by its own time', async () => {
    const began = clock.now().getTime();
    await clock.sleep(30, new AbortController().signal);
    // Timers and the time of day are two clocks, each rounded to milliseconds.
    expect(clock.now().getTime() - began).toBeGreaterThanOrEqual(28);
  });

  it.each([
    ['an error', new Error('the migration was stopped')],
    ['what is no error', { by: 'ada' }],
    ['nothing', undefined],
  ])('ends its sleep early with the very reason of the signal: %s', async (_what, reason) => {
    const controller = new AbortController();
    const began = performance.now();
    const sleeping = clock.sleep(60_000, controller.signal);
    setTimeout(() => controller.abort(reason), 5);
    const failure = await sleeping.catch((error: unknown) => error);
    expect(failure).toBe(controller.signal.reason);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('does not fall asleep under a signal that was aborted before', async () => {
    const reason = new Error('too late');
    await expect(clock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('leaves nothing behind on a signal that outlives many sleeps', async () => {
    const { signal } = new AbortController();
    for (let sleeps = 0; sleeps < 5; sleeps += 1) await clock.sleep(1, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
