/** Roll back: the down scripts of what this run applied, last applied first. */
import type { PhaseRecords } from '../domain/run';
import { runDown } from '../migrate/executor';
import type { RunContext, StepOutcome } from './context';
import { step } from './enter';
import { statementTeller } from './statement-teller';

export const rollBack = step<'RollBack'>('RollBack', async (run) => {
  const outcome = await runDownScripts(run);
  return { ...outcome, ...afterDecision(run) };
});

/** Behind the fence a person chose this rung: should it fail, nobody is asked a second time. */
export const afterDecision = ({ journal }: RunContext): { readonly route?: 'roll-back' } =>
  journal.record('Degrade') === undefined ? {} : { route: 'roll-back' };

async function runDownScripts(run: RunContext): Promise<StepOutcome<PhaseRecords['RollBack']>> {
  const names = run.journal.record('Assess')?.toRollBack ?? [];
  const rolledBack: string[] = [];
  for (const name of names) {
    const migration = run.request.project.migrations.find((candidate) => candidate.name === name);
    if (!migration) throw new Error(`${name} is to be rolled back but not part of the run`);
    run.tell(`down script of ${name}`, { done: rolledBack.length, total: names.length, unit: 'migrations' });
    const outcome = await runDown({
      database: run.database,
      runId: run.runId,
      migration,
      maxBlockingMs: run.policy.maxBlockingMs,
      giveUpAfterMs: run.policy.lockGiveUpMs,
      ...(run.policy.terminateIdleAfterMs === undefined
        ? {}
        : { terminateIdleAfterMs: run.policy.terminateIdleAfterMs }),
      clock: run.clock,
      deadline: run.deadline,
      fencingToken: run.fencingToken,
      ...(run.takenOver ? { signal: run.takenOver } : {}),
      onEvent: statementTeller(run, 'RollBack', names),
    });
    if (outcome.outcome === 'waiting') {
      return { verdict: 'waiting', message: `${rolledBack.length} of ${names.length} rolled back so far` };
    }
    if (outcome.outcome !== 'applied') {
      const problem = outcome.outcome === 'failed' ? outcome.failed.message : outcome.outcome;
      return {
        verdict: 'failed',
        message: `down script of ${name}: ${problem}`,
        record: { rolledBack, problem: `${name}: ${problem}` },
      };
    }
    rolledBack.push(name);
  }
  return { verdict: 'passed', message: `${rolledBack.length} rolled back`, record: { rolledBack } };
}
