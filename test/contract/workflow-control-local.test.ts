import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { LocalControl, waitForAnswer } from '../../lambda/adapters/embedded/workflow/local-control';
import { abortKey, questionKey } from '../../lambda/domain/question';
import { describeWorkflowControlContract } from './workflow-control.contract';

/** The wait as the run's own process does it, on a clock that stands still until the test moves it. */
async function inThisProcess() {
  const root = await mkdtemp(join(tmpdir(), 'godwit-control-'));
  const store = new FileObjectStore(root);
  const started: string[] = [];
  const waits: Promise<unknown>[] = [];
  let now = new Date('2026-03-01T12:00:00.000Z');
  const clock = { now: () => now, sleep: () => sleep(2) };
  const waitUntil = (time: string): void => {
    now = new Date(time);
  };
  return {
    control: new LocalControl(store, async (runId) => void started.push(runId)),
    store,
    started: () => started,
    wait: async (question: { runId: string; question: 'approval' | 'decision' }) => {
      await store.putIfAbsent(questionKey(question.runId, question.question), JSON.stringify(question));
      const isAborted = async () => (await store.get(abortKey(question.runId))) !== undefined;
      const resumed = waitForAnswer({ store, clock, ...question, isAborted });
      waits.push(resumed);
      return { resumed };
    },
    waitUntil,
    dispose: async () => {
      waitUntil('2036-01-01T00:00:00.000Z');
      await Promise.allSettled(waits);
      await rm(root, { recursive: true });
    },
  };
}

describeWorkflowControlContract('LocalControl', inThisProcess);

describe('LocalControl', () => {
  const question = {
    runId: 'run-1',
    question: 'approval',
    text: 'Go on?',
    askedAt: '2026-03-01T12:00:00.000Z',
    answerBy: '2026-03-01T13:00:00.000Z',
  } as const;
  let under: Awaited<ReturnType<typeof inThisProcess>>;

  beforeEach(async () => {
    under = await inThisProcess();
  });
  afterEach(() => under.dispose());

  it("ends the wait at the deadline by the name that the workflow's Catch matches", async () => {
    const { resumed } = await under.wait(question);
    under.waitUntil(question.answerBy);
    await expect(resumed).rejects.toMatchObject({ name: 'States.Timeout' });
  });

  it('takes an answer that was given while nobody waited, even when the deadline has passed since', async () => {
    await under.store.putIfAbsent(questionKey('run-1', 'approval'), JSON.stringify(question));
    await under.control.approve('run-1', { by: 'ada', at: question.askedAt });
    under.waitUntil('2026-03-02T00:00:00.000Z');
    const { resumed } = await under.wait(question);
    expect(await resumed).toEqual({ verdict: 'passed', route: 'approve' });
  });
});
