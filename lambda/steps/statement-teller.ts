/** Turns the executor's statement events into a step's progress. */
import type { StatementProgress, StepName } from '../domain/step';
import type { StatementEvent } from '../migrate/executor';
import type { RunContext } from './context';

export function statementTeller(run: RunContext, step: StepName): (event: StatementEvent) => void {
  return (event) => {
    const progress: StatementProgress = { type: 'statement', step, ...event };
    run.progress.report(progress);
  };
}
