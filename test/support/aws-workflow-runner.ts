/** Runs the synthesized workflow on the local engine with scripted step answers, and tells which states it entered. */
import { STEP_NAMES, type StepName, type StepOutput, type Verdict } from '../../lambda/domain/step';
import { renderDefinition, type WorkflowDefinition } from '../../lib/render-workflow';

// The engine wants it; Node 20 does not have it.
if (!('withResolvers' in Promise)) {
  Object.assign(Promise, {
    withResolvers<T>() {
      let resolve: (value: T) => void = () => undefined;
      let reject: (reason: unknown) => void = () => undefined;
      const promise = new Promise<T>((onResolve, onReject) => {
        resolve = onResolve;
        reject = onReject;
      });
      return { promise, resolve, reject };
    },
  });
}

type Engine = typeof import('aws-local-stepfunctions');
const { StateMachine } = require('aws-local-stepfunctions') as Engine;

/** `verdict` or `verdict/route`; `crash` or `crash:ErrorName` throws. */
export type Answer = Verdict | `${Verdict}/${string}` | 'crash' | `crash:${string}`;
/** Answers in the order of entry; the last one is repeated. A step that is not named passes. */
export type Script = Partial<Record<StepName, Answer | readonly Answer[]>>;

export interface Walk {
  /** Tasks, waits and the final state, in order; choices are left out. */
  readonly path: readonly string[];
  readonly error: string | undefined;
  /** What each entered step was handed, in order. */
  readonly inputs: readonly (readonly [StepName, Readonly<Record<string, unknown>>])[];
}

class StepCrashed extends Error {
  constructor(name: string) {
    super(JSON.stringify({ errorType: name, errorMessage: 'scripted', trace: [] }));
    this.name = name;
  }
}

export type StateMachineInput = Readonly<Record<string, unknown>>;
type TaskHandler = (task: { readonly Payload: Record<string, unknown> }) => Promise<unknown>;

/** Any definition on the local engine, without its pauses. */
export function stateMachineOf(definition: WorkflowDefinition) {
  const machine = new StateMachine(definition as unknown as ConstructorParameters<Engine['StateMachine']>[0]);
  const waits = Object.keys(definition.States).filter((name) => definition.States[name]?.Type === 'Wait');
  return {
    /** @param handlers by the name of their task */
    walk: async (input: StateMachineInput, handlers: Readonly<Record<string, TaskHandler>>) => {
      const execution = machine.run(input as never, {
        overrides: {
          taskResourceLocalHandlers: handlers as never,
          waitTimeOverrides: Object.fromEntries(waits.map((name) => [name, 0])),
          retryIntervalOverrides: Object.fromEntries(Object.keys(handlers).map((name) => [name, 0])),
        },
        context: { Task: { Token: 'token-1' } },
      });
      const path: string[] = [];
      const listening = (async () => {
        for await (const event of execution.eventLogs) {
          if (event.type === 'StateEntered' && event.state.type !== 'Choice') path.push(event.state.name);
        }
      })();
      const error = await execution.result.then(
        () => undefined,
        (failure: { cause?: { name?: string } }) => failure.cause?.name ?? String(failure),
      );
      await listening;
      return { path, error };
    },
  };
}

const machine = stateMachineOf(renderDefinition());
const WAITED_FOR: readonly StepName[] = ['AwaitApproval', 'AwaitDecision'];

export async function walk(script: Script, input: Record<string, unknown> = {}): Promise<Walk> {
  const inputs: [StepName, Record<string, unknown>][] = [];
  const entries = new Map<StepName, number>();
  const answerOf = (step: StepName): StepOutput => {
    const scripted = script[step] ?? 'passed';
    const answers: readonly Answer[] = typeof scripted === 'string' ? [scripted] : scripted;
    const entry = entries.get(step) ?? 0;
    entries.set(step, entry + 1);
    const answer = answers[Math.min(entry, answers.length - 1)] ?? 'passed';
    if (answer.startsWith('crash')) throw new StepCrashed(answer.split(':')[1] ?? 'TypeError');
    const [verdict, route] = answer.split('/');
    return { verdict: verdict as Verdict, route: route ?? (step === 'Finish' ? 'succeeded' : '') };
  };
  const handler = (step: StepName) => async (task: { readonly Payload: Record<string, unknown> }) => {
    inputs.push([step, task.Payload]);
    const answer = answerOf(step);
    return WAITED_FOR.includes(step) ? { ...answer } : { StatusCode: 200, Payload: { ...answer } };
  };
  const { path, error } = await machine.walk(
    { runId: 'run-1', rehearse: true, ...input },
    Object.fromEntries(STEP_NAMES.map((step) => [step, handler(step)] as const)),
  );
  return { path, error, inputs };
}
