/** Migrate: the executor on the real database, watched for whoever waits because of it. */
import type { JournalEntry, MigrationFailure, PhaseRecords } from '../domain/run';
import { estimatesFrom } from '../migrate/execution-plan';
import { type MigrateOutcome, type MigrateRequest, migrate } from '../migrate/executor';
import { AnotherExecutorHolds } from '../migrate/executor-lock';
import { startLockWatch } from '../migrate/watch/lock-watch';
import { planOf } from '../sql/facts';
import { parseScript } from '../sql/parse';
import { pendingMigrations, type RunContext, type StepOutcome } from './context';
import { abortSignal, step } from './enter';
import { RunningStatement } from './running-statement';
import { statementTeller } from './statement-teller';
import { keepCounters } from './write-readings';

type MigrateRecord = PhaseRecords['Migrate'];
type Part = Extract<JournalEntry, { type: 'statements' }>;

const BUILD_TOLD_EVERY_MS = 1_000;

export const migrateStep = step<'Migrate'>('Migrate', async (run) => {
  const startedAt = run.clock.now();
  const migrations = pendingMigrations(run);
  const abort = abortSignal(run);
  const { database, runId, clock, deadline, fencingToken } = run;
  const { maxBlockingMs, lockGiveUpMs, terminateIdleAfterMs } = run.policy;
  const names = migrations.map(({ name }) => name);
  await keepCounters(run, 'before-migration');
  const running = new RunningStatement(statementTeller(run, 'Migrate', names));
  const watch = await startLockWatch({
    database,
    runId,
    budgetMs: maxBlockingMs,
    statementNow: () => running.described,
  });
  const telling = setInterval(() => running.tellBuild(watch.vitals()?.build), BUILD_TOLD_EVERY_MS);
  try {
    const outcome = await migrate({
      database,
      runId,
      migrations,
      maxBlockingMs,
      giveUpAfterMs: lockGiveUpMs,
      ...(terminateIdleAfterMs === undefined ? {} : { terminateIdleAfterMs }),
      deadline,
      signal: abort.signal,
      fencingToken,
      watch,
      clock,
      ...limitsOf(run),
      onEvent: (event) => running.follow(event),
    });
    const { worstBlockingMs, blockings, series } = await watch.stop();
    run.metrics.record('WorstBlocking', worstBlockingMs, 'Milliseconds');
    await run.journal.append({
      type: 'statements',
      at: run.clock.now().toISOString(),
      startedAt: startedAt.toISOString(),
      applied: outcome.applied,
      statements: outcome.statements,
      worstBlockingMs,
      watch: { blockings, series },
    });
    if (outcome.outcome !== 'waiting') await keepCounters(run, 'after-migration');
    return await conclusionOf(run, outcome);
  } catch (error) {
    if (!(error instanceof AnotherExecutorHolds)) throw error;
    return { verdict: 'failed', message: error.message, record: recordOf(run) };
  } finally {
    clearInterval(telling);
    abort.stop();
    await watch.stop();
  }
});

async function conclusionOf(run: RunContext, outcome: MigrateOutcome): Promise<StepOutcome<MigrateRecord>> {
  const record = recordOf(run);
  switch (outcome.outcome) {
    case 'applied':
      return { verdict: 'passed', message: `${record.applied.length} applied${found(outcome)}`, record };
    case 'waiting':
      return { verdict: 'waiting', message: `${record.applied.length} applied so far` };
    case 'aborted': {
      const within = await abortedIn(run, outcome);
      const message = stoppedText(outcome, within.failure);
      return { verdict: 'failed', message, record: { ...record, aborted: true, ...within } };
    }
    case 'needs-long-runner': {
      const { migration, statement, estimateMs } = outcome;
      const message =
        `statement ${statement} of ${migration} would take about ${Math.round(estimateMs / 1_000)} s, ` +
        `longer than this step may; nothing of it was begun`;
      const statementsDone = statement - 1;
      const atomic = statementsDone === 0;
      const failure = { migration, statement, line: 0, message, atomic, statementsDone };
      return { verdict: 'failed', message, record: { ...record, failure } };
    }
    case 'failed':
      return {
        verdict: 'failed',
        message: `${outcome.failed.migration}, line ${outcome.failed.line}: ${outcome.failed.message}`,
        record: { ...record, failure: outcome.failed },
      };
  }
}

/** Where a step is ended when its time is over, nothing is begun that would not be finished by then. */
function limitsOf(run: RunContext): Pick<MigrateRequest, 'estimates' | 'stepTimeMs'> {
  if (run.endsOverdueSteps !== true) return {};
  const rehearsed = run.journal.record('Rehearse')?.statements ?? [];
  return { estimates: estimatesFrom(rehearsed), stepTimeMs: run.stepTimeMs };
}

/** Another executor may have been faster. */
const found = ({ alreadyApplied = [] }: MigrateOutcome): string =>
  alreadyApplied.length === 0 ? '' : `, ${alreadyApplied.length} found applied`;

type Aborted = Extract<MigrateOutcome, { outcome: 'aborted' }>;

function stoppedText(
  { applied, inMigration, statementsDone }: Aborted,
  within: MigrationFailure | undefined,
): string {
  const before = `stopped by a person after ${applied.length} of the migrations`;
  if (inMigration === undefined) return `${before}; none is half applied`;
  if (within?.atomic === true) return `${before}; nothing of ${inMigration} took effect`;
  // Some batches of a backfill may have.
  if (statementsDone === 0) return `${before}; no statement of ${inMigration} was finished`;
  return `${before}; of ${inMigration} the first ${statementsDone} of its statements took effect`;
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

/** Stopped within a stepwise file, what was done stays, be it batches of its first statement; of an atomic one, nothing. */
async function abortedIn(run: RunContext, outcome: Aborted): Promise<{ failure?: MigrationFailure }> {
  const { inMigration, statementsDone } = outcome;
  const migration = run.request.project.migrations.find(({ name }) => name === inMigration);
  if (migration === undefined) return {};
  return {
    failure: {
      migration: migration.name,
      statement: statementsDone,
      line: 0,
      message: 'stopped by a person',
      atomic: planOf(await parseScript(migration.sql)).mode === 'atomic',
      statementsDone,
    },
  };
}
