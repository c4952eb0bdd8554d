/** Takes one run through the workflow in this process: a new one, or one that was killed and goes on from its journal. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalControl, waitForAnswer } from '../lambda/adapters/embedded/workflow/local-control';
import { executeWorkflow, type StepHandler } from '../lambda/adapters/embedded/workflow/local-workflow';
import { GodwitError } from '../lambda/domain/errors';
import type { Project } from '../lambda/domain/migration';
import type { QuestionName } from '../lambda/domain/question';
import { newRunId, type Policy, type RunRequest } from '../lambda/domain/run';
import { STEP_NAMES, type StepName } from '../lambda/domain/step';
import { createRun, Journal, listRuns, readRequest } from '../lambda/journal/journal';
import { claimLease, releaseLease } from '../lambda/journal/lease';
import { steps } from '../lambda/steps';
import type { StepContext } from '../lambda/steps/context';
import { isAborted } from '../lambda/steps/enter';
import type { CommandContext } from './command';
import type { Home } from './home';
import { answerAtTerminal } from './terminal-answers';
import { whoami } from './whoami';

const POLL_MS = 100;

export interface FinishedRun {
  readonly request: RunRequest;
  readonly journal: Journal;
}

export interface Work {
  readonly project: Project;
  readonly policy: Policy;
  readonly steps: StepContext;
}

/** An interrupted run that has changed the database must be brought to its end before anything else. */
export class RunUnfinished extends GodwitError {
  override readonly name = 'RunUnfinished';
  readonly kind = 'refused';

  constructor(runId: string) {
    super(`${runId} was interrupted while it migrated. Bring it to its end first: "godwit run".`);
  }
}

export async function takeThroughWorkflow(
  context: CommandContext,
  home: Home,
  work: Work,
): Promise<FinishedRun> {
  const interrupted = await findUnfinished(home);
  if (interrupted) {
    const finished = await settle(context, home, work, interrupted);
    if (finished) return finished;
  }
  return execute(context, home, work, await newRun(home, work));
}

/** Goes on with what was interrupted, or closes it; answers the run where it is the very one that is asked for now. */
async function settle(
  context: CommandContext,
  home: Home,
  work: Work,
  interrupted: FinishedRun,
): Promise<FinishedRun | undefined> {
  const { request, journal } = interrupted;
  if (journal.outcome) {
    // Judged, but nobody was told: the report and the messages are still due.
    await execute(context, home, work, request);
    await leaseOf(home, work.steps).giveBack(request.runId);
    return undefined;
  }
  const isSame = sameWork(request, work);
  if (hasBegun(journal)) {
    if (work.policy.rehearseOnly) throw new RunUnfinished(request.runId);
    context.terminal.note(`Going on with ${request.runId}, which was interrupted.`);
    const finished = await execute(context, home, work, request);
    const isOver = isSame || finished.journal.outcome?.status !== 'succeeded';
    return isOver ? finished : undefined;
  }
  if (isSame && isFresh(interrupted, work)) {
    context.terminal.note(`Going on with ${request.runId}, which was interrupted.`);
    return execute(context, home, work, request);
  }
  context.terminal.note(`${request.runId} was interrupted before it changed anything: beginning anew.`);
  await closeInterrupted(home, work, interrupted);
  return undefined;
}

const hasBegun = ({ entries }: Journal): boolean =>
  entries.some((entry) => entry.type === 'entered' && entry.step === 'Migrate');

const sameWork = (request: RunRequest, { project, policy }: Work): boolean =>
  JSON.stringify([request.project, request.policy]) === JSON.stringify([project, policy]);

/** What is written meanwhile would be lost by a return to its restore point, and its checks and rehearsal grow stale. */
const STALE_AFTER_MS = 10 * 60_000;

function isFresh({ journal }: FinishedRun, { steps: { clock } }: Work): boolean {
  const lastAt = Date.parse(journal.entries.at(-1)?.at ?? '');
  const waitsForPerson = journal.entries.some(
    (entry) => entry.type === 'entered' && entry.step === 'AwaitApproval',
  );
  // A question has a deadline of its own.
  return waitsForPerson || clock.now().getTime() - lastAt < STALE_AFTER_MS;
}

async function execute(
  context: CommandContext,
  home: Home,
  work: Work,
  request: RunRequest,
): Promise<FinishedRun> {
  const { store } = home;
  const { runId } = request;
  // Before anything of the run is touched: another live process may be working on it.
  await leaseOf(home, work.steps).take(runId);
  const control = new LocalControl(store, () => runWorkflow(context, work.steps, request));
  const stop = onAbort(context.signal, () =>
    control.abort(runId, { by: whoami(), at: new Date().toISOString() }),
  );
  const asking = context.interactive
    ? answerAtTerminal({ terminal: context.terminal, store: work.steps.store, control, runId: request.runId })
    : undefined;
  try {
    await control.start(runId);
  } finally {
    stop();
    asking?.stop();
  }
  return { request, journal: await Journal.open(store, runId) };
}

async function newRun(home: Home, { project, policy }: Work): Promise<RunRequest> {
  for (;;) {
    const now = new Date();
    const request: RunRequest = {
      runId: newRunId(now),
      requestedAt: now.toISOString(),
      requestedBy: whoami(),
      database: home.label,
      project,
      policy,
    };
    // Two runs of one name would share a journal.
    if ((await createRun(home.store, request)) === 'created') return request;
  }
}

interface Claim {
  take(runId: string): Promise<unknown>;
  giveBack(runId: string): Promise<void>;
}

const LEASE_TTL_MS = 60_000;

function leaseOf(home: Home, { owner, clock, isOwnerGone }: StepContext): Claim {
  const claimOf = (runId: string) => ({ database: home.label, runId, owner, now: clock.now() });
  return {
    take: (runId) => claimLease(home.store, { ...claimOf(runId), ttlMs: LEASE_TTL_MS, isOwnerGone }),
    giveBack: (runId) => releaseLease(home.store, claimOf(runId)),
  };
}

async function findUnfinished(home: Home): Promise<FinishedRun | undefined> {
  for (const runId of await listRuns(home.store)) {
    const request = await readRequest(home.store, runId);
    if (request.database !== home.label) continue;
    const journal = await Journal.open(home.store, runId);
    // Runs of one database follow each other: an older one is unfinished only if the newest is its successor.
    return journal.checkpoint('Notify') ? undefined : { request, journal };
  }
  return undefined;
}

async function closeInterrupted(home: Home, work: Work, { journal }: FinishedRun): Promise<void> {
  const { runId } = journal;
  const lease = leaseOf(home, work.steps);
  await lease.take(runId);
  await home.recovery?.discardInstance(`rehearsal-${runId}`);
  await journal.append({
    type: 'checkpoint',
    at: new Date().toISOString(),
    step: 'Finish',
    phase: 'Finish',
    verdict: 'passed',
    route: 'aborted',
    message: 'interrupted before anything was changed, and superseded',
    record: {
      status: 'aborted',
      applied: [],
      rolledBack: [],
      reason: 'interrupted before anything was changed, and superseded',
    },
  });
  await steps.Report(work.steps, { runId });
  await steps.Notify(work.steps, { runId });
  await lease.giveBack(runId);
}

async function runWorkflow(
  context: CommandContext,
  stepContext: StepContext,
  { runId, policy: { rehearse } }: RunRequest,
): Promise<void> {
  const definition = JSON.parse(
    await readFile(join(context.invocation.projectRoot, 'dist', 'workflow.asl.json'), 'utf8'),
  ) as object;
  const handlers = Object.fromEntries(
    STEP_NAMES.map((name): [StepName, StepHandler] => [name, (input) => steps[name](stepContext, input)]),
  ) as Record<StepName, StepHandler>;
  const answerTo = (question: QuestionName) => (run: string) =>
    waitForAnswer({
      store: stepContext.store,
      clock: stepContext.clock,
      question,
      runId: run,
      isAborted: () => isAborted(stepContext, run),
    });
  await executeWorkflow(
    {
      definition,
      handlers,
      personsAnswer: { AwaitApproval: answerTo('approval'), AwaitDecision: answerTo('decision') },
      pollMs: POLL_MS,
    },
    { runId, rehearse },
  );
}

function onAbort(signal: AbortSignal, act: () => Promise<void>): () => void {
  const listener = (): void => void act();
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
