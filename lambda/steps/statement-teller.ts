/** Turns the executor's statement events into a step's progress. */
import type { StepName } from '../domain/step';
import type { StatementEvent } from '../migrate/executor';
import type { RunContext } from './context';

/** `names` are the migrations that will run, so that people see how far along the work is. */
export function statementTeller(
  run: RunContext,
  step: StepName,
  names: readonly string[],
): (event: StatementEvent) => void {
  let current: string | undefined;
  return (event) => {
    if (event.migration !== current) {
      current = event.migration;
      run.tell(current, {
        done: Math.max(0, names.indexOf(current)),
        total: names.length,
        unit: 'migrations',
      });
    }
    run.progress.report({ type: 'statement', step, ...event });
  };
}
