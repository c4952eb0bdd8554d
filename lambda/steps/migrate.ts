/** Migrate: the executor on the real database, watched for whoever waits because of it. */
import type { JournalEntry, MigrationFailure, PhaseRecords } from '../domain/run';
import { type MigrateOutcome, migrate } from '../migrate/executor';
import { AnotherExecutorHolds } from '../migrate/executor-lock';
import { startLockWatch } from '../migrate/lock-watch';
import { pendingMigrations, type RunContext, type StepOutcome } from './context';
import { abortSignal, step } from './enter';
import { statementTeller } from './statement-teller';

type MigrateRecord = PhaseRecords['Migrate'];
type Part = Extract<JournalEntry, { type: 'statements' }>;

export const migrateStep = step<'Migrate'>('Migrate', async (run) => {
  const startedAt = run.clock.now();
  const migrations = pendingMigrations(run);
  const abort = abortSignal(run);
  const watch = await startLockWatch({ database: run.database });
  try {
    const outcome = await migrate({
      database: run.database,
      runId: run.runId,
      migrations,
      maxBlockingMs: run.policy.maxBlockingMs,
      giveUpAfterMs: run.policy.lockGiveUpMs,
      deadline: run.deadline,
      signal: abort.signal,
      clock: run.clock,
      onEvent: statementTeller(
        run,
        'Migrate',
        migrations.map(({ name }) => name),
      ),
    });
    const { worstBlockingMs } = await watch.stop();
    run.metrics.record('WorstBlocking', worstBlockingMs, 'Milliseconds');
    await run.journal.append({
      type: 'statements',
      at: run.clock.now().toISOString(),
      startedAt: startedAt.toISOString(),
      applied: outcome.applied,
      statements: outcome.statements,
      worstBlockingMs,
    });
    return conclusionOf(run, outcome);
  } catch (error) {
    if (!(error instanceof AnotherExecutorHolds)) throw error;
    return { verdict: 'failed', message: error.message, record: recordOf(run) };
  } finally {
    abort.stop();
    await watch.stop();
  }
});

function conclusionOf(run: RunContext, outcome: MigrateOutcome): StepOutcome<MigrateRecord> {
  const record = recordOf(run);
  switch (outcome.outcome) {
    case 'applied':
      return { verdict: 'passed', message: `${record.applied.length} applied`, record };
    case 'waiting':
      return { verdict: 'waiting', message: `${record.applied.length} applied so far` };
    case 'aborted':
      return {
        verdict: 'failed',
        message: 'stopped by a person',
        record: { ...record, aborted: true, ...abortedIn(outcome) },
      };
    case 'failed':
      return {
        verdict: 'failed',
        message: `${outcome.failed.migration}, line ${outcome.failed.line}: ${outcome.failed.message}`,
        record: { ...record, failure: outcome.failed },
      };
  }
}

function recordOf(run: RunContext): MigrateRecord {
  const parts = run.journal.entries.filter((entry): entry is Part => entry.type === 'statements');
  return {
    applied: [...new Set(parts.flatMap((part) => part.applied))],
    statements: parts.flatMap((part) => part.statements),
    worstBlockingMs: Math.max(0, ...parts.map((part) => part.worstBlockingMs)),
    durationMs: parts.reduce((sum, part) => sum + Date.parse(part.at) - Date.parse(part.startedAt), 0),
  };
}

/** Stopped between two statements of a stepwise file, the earlier ones took effect; of an atomic one, nothing. */
function abortedIn(outcome: Extract<MigrateOutcome, { outcome: 'aborted' }>): { failure?: MigrationFailure } {
  if (outcome.inMigration === undefined) return {};
  return {
    failure: {
      migration: outcome.inMigration,
      statement: outcome.statementsDone,
      line: 0,
      message: 'stopped by a person',
      atomic: outcome.statementsDone === 0,
      statementsDone: outcome.statementsDone,
    },
  };
}
