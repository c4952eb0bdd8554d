/** One function a step of the workflow: the same code, its own entry, its own time limit, and its own least role. */
import type { Code, IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { STEP_NAMES, type StepName } from '../../lambda/domain/step';
import { stepCode } from '../step-code';
import { FUNCTION_SECONDS } from '../step-limits';
import { permissionsOf, rdsStatements } from '../step-permissions';
import {
  acknowledgeWildcards,
  environmentOf,
  rdsArnsOf,
  type Surroundings,
  stepFunction,
} from './step-function';

const JOURNAL_KEYS = ['runs/*', 'leases/*', 'endpoints/*', 'no-drift/*', 'proofs/*'] as const;

export class Steps extends Construct {
  /** Bundled once, for every function of the stack. */
  readonly code: Code;
  readonly #functions: ReadonlyMap<StepName, LambdaFunction>;

  constructor(scope: Construct, id: string, surroundings: Surroundings) {
    super(scope, id);
    this.code = stepCode();
    const environment = environmentOf(surroundings);
    const arns = rdsArnsOf(this, surroundings);
    this.#functions = new Map(
      STEP_NAMES.map((step) => [
        step,
        stepFunction(this, step, {
          surroundings,
          code: this.code,
          environment,
          seconds: FUNCTION_SECONDS[step],
          keys: JOURNAL_KEYS,
          tells: permissionsOf(step).includes('tell'),
          statements: rdsStatements(step, arns),
        }),
      ]),
    );
    acknowledgeWildcards(this, surroundings, { keys: JOURNAL_KEYS });
  }

  functionFor(step: StepName): IFunction {
    const known = this.#functions.get(step);
    if (known === undefined) throw new TypeError(`no function for ${step}`);
    return known;
  }
}
