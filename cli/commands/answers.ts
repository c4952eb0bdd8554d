/** `approve`, `reject`, `decide`, `abort`: what a person does about a run, from another terminal. */
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { LocalControl } from '../../lambda/adapters/embedded/workflow/local-control';
import { UsageError } from '../../lambda/domain/errors';
import type { Decision } from '../../lambda/domain/question';
import { Journal, readRequest } from '../../lambda/journal/journal';
import type { AnswerOutcome, PersonsAnswer } from '../../lambda/ports/workflow-control';
import { refusalOf } from '../answer-refusal';
import type { CommandContext } from '../command';
import { whoami } from '../whoami';

type Options = { readonly comment?: string };

export async function approveCommand(
  context: CommandContext,
  [runId = '']: readonly string[],
  raw: Options,
): Promise<number> {
  const control = await controlOf(context, runId);
  return conclude(context, runId, 'approved', await control.approve(runId, personOf(raw)));
}

export async function rejectCommand(
  context: CommandContext,
  [runId = '']: readonly string[],
  raw: Options,
): Promise<number> {
  const control = await controlOf(context, runId);
  return conclude(context, runId, 'rejected', await control.reject(runId, personOf(raw)));
}

export async function decideCommand(
  context: CommandContext,
  [runId = '', decision = '']: readonly string[],
  raw: Options,
): Promise<number> {
  if (!isDecision(decision)) {
    throw new UsageError(`The decision cannot be "${decision}". Use ${DECISIONS.join(', ')}.`);
  }
  const control = await controlOf(context, runId);
  return conclude(
    context,
    runId,
    `decided: ${decision}`,
    await control.decide(runId, decision, personOf(raw)),
  );
}

const DECISIONS: readonly Decision[] = ['roll-back', 'restore', 'hold'];
const isDecision = (text: string): text is Decision => DECISIONS.some((decision) => decision === text);

export async function abortCommand(
  context: CommandContext,
  [runId = '']: readonly string[],
  raw: Options,
): Promise<number> {
  const control = await controlOf(context, runId);
  const { outcome } = await Journal.open(new FileObjectStore(context.options.dataDir), runId);
  if (outcome) throw new UsageError(`${runId} has ended: ${outcome.status}, ${outcome.reason}.`);
  await control.abort(runId, personOf(raw));
  context.terminal.summary(`${runId} is asked to stop; watch it with "godwit runs watch ${runId}".`);
  context.finish({ runId, answer: 'abort' });
  return 0;
}

/** The store alone: an answer needs no cluster, and must not start one. */
async function controlOf(context: CommandContext, runId: string): Promise<LocalControl> {
  const store = new FileObjectStore(context.options.dataDir);
  await readRequest(store, runId);
  return new LocalControl(store, async () => undefined);
}

const personOf = ({ comment }: Options): PersonsAnswer => ({
  by: whoami(),
  at: new Date().toISOString(),
  ...(comment === undefined ? {} : { comment }),
});

function conclude(context: CommandContext, runId: string, answer: string, result: AnswerOutcome): number {
  const refusal = refusalOf(runId, result);
  if (refusal !== undefined) throw new UsageError(refusal);
  context.terminal.summary(`${runId}: ${answer}.`);
  context.finish({ runId, answer });
  return 0;
}
