/** Executes the synthesized state machine in this process: the very Amazon States Language that runs on AWS. */
import { randomUUID } from 'node:crypto';
import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import { GodwitError, messageOf } from '../../../domain/errors';
import type { StepInput, StepName, StepOutput } from '../../../domain/step';

export type StepHandler = (input: StepInput) => Promise<StepOutput>;

export interface LocalWorkflow {
  /** The state machine's definition as CDK synthesized it. */
  readonly definition: object;
  readonly handlers: Readonly<Record<StepName, StepHandler>>;
  /** Answers for the states that wait for a person, once somebody answered; rejects with {@link AnswerTimeout}. */
  readonly personsAnswer: Readonly<Partial<Record<StepName, (runId: string) => Promise<StepOutput>>>>;
  /** AWS is asked four times a minute; on one machine asking is free. */
  readonly pollMs: number;
}

/** Nobody answered in time. Step Functions names it so, and Catch matches that. */
export class AnswerTimeout extends Error {
  override readonly name = 'States.Timeout';
}

/** The engine failed in a way that no path of the workflow covers. */
export class WorkflowEngineFailed extends GodwitError {
  override readonly name = 'WorkflowEngineFailed';
  readonly kind = 'unknown';

  constructor(runId: string, cause: unknown) {
    super(
      `The workflow of ${runId} stopped unexpectedly: ${messageOf(cause)}. Start the same command again: it goes on from the journal.`,
      { cause },
    );
  }
}

interface InvokeParameters {
  readonly Payload: StepInput;
}

/** Runs until a terminal state. How the run ended is in its journal, not here: Fail states are ends like any other. */
export async function executeWorkflow(
  workflow: LocalWorkflow,
  input: { runId: string; rehearse: boolean },
): Promise<void> {
  // The engine is written for Node 22.
  await import('./promise-with-resolvers');
  const { StateMachine, ExecutionError } = await import('aws-local-stepfunctions');
  const states = statesOf(workflow.definition);
  const machine = new StateMachine(workflow.definition as StateMachineDefinition, {
    // Tests validate the definition; the engine's validator would write into it.
    validationOptions: { noValidate: true },
  });
  const execution = machine.run(input, {
    context: contextOf(input),
    overrides: {
      taskResourceLocalHandlers: Object.fromEntries(
        Object.entries(workflow.handlers).map(([name, handler]) => [
          name,
          invoke(handler, workflow.personsAnswer[name as StepName]),
        ]),
      ),
      // On AWS a retry outlasts a fail-over; here nobody fails over, and whoever waits sits before the screen.
      retryIntervalOverrides: Object.fromEntries(
        Object.keys(workflow.handlers).map((name) => [name, workflow.pollMs]),
      ),
      waitTimeOverrides: Object.fromEntries(
        [...states].filter(([, state]) => state.Type === 'Wait').map(([name]) => [name, workflow.pollMs]),
      ),
    },
  });
  try {
    await execution.result;
  } catch (error) {
    if (!(error instanceof ExecutionError) || !isFailState(states, error))
      throw new WorkflowEngineFailed(input.runId, error);
  }
}

/** What `lambda:invoke` does, and Lambda's own way of reporting an error. */
function invoke(handler: StepHandler, waitForPerson: ((runId: string) => Promise<StepOutput>) | undefined) {
  return async (parameters: unknown) => {
    const { Payload: payload } = parameters as InvokeParameters;
    try {
      const output = await handler(payload);
      if (!waitForPerson) return { StatusCode: 200, Payload: { ...output } };
      // The state's own answer is that of the person, whichever the step gave on asking.
      return { ...(await waitForPerson(payload.runId)) };
    } catch (error) {
      if (error instanceof AnswerTimeout) throw error;
      throw new LambdaError(error);
    }
  };
}

/** As AWS hands it to Catch: the error's name, and a JSON text with message and trace. */
class LambdaError extends Error {
  override readonly name: string;

  constructor(cause: unknown) {
    const errorType = cause instanceof Error ? cause.name : 'Error';
    super(JSON.stringify({ errorType, errorMessage: messageOf(cause), trace: traceOf(cause) }), { cause });
    this.name = errorType;
  }
}

const traceOf = (cause: unknown): readonly string[] =>
  cause instanceof Error && cause.stack ? cause.stack.split('\n').slice(0, 20) : [];

function contextOf(input: { runId: string; rehearse: boolean }) {
  return {
    Execution: {
      Id: `local:${input.runId}`,
      Input: input,
      Name: input.runId,
      RoleArn: 'local',
      StartTime: new Date().toISOString(),
    },
    Task: {
      // Evaluated anew for every task, as on AWS.
      get Token() {
        return randomUUID();
      },
    },
  };
}

interface StateLike {
  readonly Type: string;
  readonly Error?: string;
}

const statesOf = (definition: object): Map<string, StateLike> =>
  new Map(Object.entries((definition as { States: Record<string, StateLike> }).States));

function isFailState(states: Map<string, StateLike>, error: { readonly cause?: unknown }): boolean {
  const name = (error.cause as Error | undefined)?.name;
  return [...states.values()].some((state) => state.Type === 'Fail' && state.Error === name);
}
