/** A run in an object store of its own, and steps to enter in it, with a clock that stands still. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { DEFAULT_POLICY, type JournalEntry, type Phase } from '../../lambda/domain/run';
import type { ProgressEvent, StepInput, StepName } from '../../lambda/domain/step';
import { createRun, Journal } from '../../lambda/journal/journal';
import { claimLease } from '../../lambda/journal/lease';
import type { StepBody, StepContext, StepOutcome } from '../../lambda/steps/context';
import { step } from '../../lambda/steps/enter';

export const START = Date.parse('2026-01-31T12:00:00.000Z');
export const RUN = 'run-20260131-120000-abcd';
export const DATABASE = `127.0.0.1:5432/it's "ours"`;

export type Answer = StepOutcome<never>;
export const PASSED: Answer = { verdict: 'passed', message: 'done' };
export const WAITING: Answer = { verdict: 'waiting', message: 'not yet' };

export const answers = (...outcomes: readonly Answer[]): jest.Mock<Promise<Answer>> => {
  const body = jest.fn<Promise<Answer>, []>();
  for (const outcome of outcomes) body.mockResolvedValueOnce(outcome);
  return body;
};

const untouched = (port: string): never =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error(`${port} is not for this test`);
      },
    },
  ) as never;

class Steps {
  nowMs = START;
  readonly told: ProgressEvent[] = [];
  readonly stop = new AbortController();
  readonly store: FileObjectStore;

  constructor(root: string) {
    this.store = new FileObjectStore(root);
  }

  context(more: Partial<StepContext> = {}): StepContext {
    return {
      database: untouched('database'),
      recovery: undefined,
      endpoint: undefined,
      capacity: undefined,
      store: this.store,
      engine: untouched('engine'),
      notifier: untouched('notifier'),
      metrics: untouched('metrics'),
      clock: { now: () => new Date(this.nowMs), sleep: async () => undefined },
      progress: { report: (event) => void this.told.push(event) },
      owner: 'me',
      isOwnerGone: () => false,
      signal: this.stop.signal,
      stepTimeMs: 60_000,
      ...more,
    };
  }
}

/** Called at the top of a test file; what it answers can be used inside tests and hooks. */
export function useSteps() {
  let root: string;
  let steps: Steps;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'godwit-steps-'));
    steps = new Steps(root);
    await createRun(steps.store, {
      runId: RUN,
      requestedAt: new Date(START).toISOString(),
      requestedBy: 'me',
      database: DATABASE,
      project: { schema: '', lockfile: undefined, migrations: [], invariants: [] },
      policy: DEFAULT_POLICY,
    });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  return {
    get store() {
      return steps.store;
    },
    get told() {
      return steps.told;
    },
    get stop() {
      return steps.stop;
    },
    get now() {
      return new Date(steps.nowMs);
    },
    pass: (ms: number): void => {
      steps.nowMs += ms;
    },
    context: (more?: Partial<StepContext>): StepContext => steps.context(more),
    enter: (
      name: StepName,
      body: StepBody<Phase>,
      input: Partial<StepInput> = {},
      more: Partial<StepContext> = {},
    ) => step(name, body)(steps.context(more), { runId: RUN, ...input }),
    journaled: async (): Promise<readonly JournalEntry[]> => (await Journal.open(steps.store, RUN)).entries,
    holdLease: (runId: string, owner: string) =>
      claimLease(steps.store, {
        database: DATABASE,
        runId,
        owner,
        ttlMs: 60_000,
        now: new Date(steps.nowMs),
        isOwnerGone: () => false,
      }),
  };
}
