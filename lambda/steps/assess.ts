/** Assess: what took effect, and by which rung of the ladder to come back. */
import type { Migration } from '../domain/migration';
import { type MigrationOutcomeFact, planRollback } from '../domain/rollback-plan';
import type { PhaseRecords } from '../domain/run';
import {
  findLedger,
  isApplied,
  isOfRun,
  isUnfinished,
  readLedger,
  rollBackMigration,
} from '../migrate/ledger';
import { withSession } from '../ports/database';
import { pendingMigrations, type RunContext } from './context';
import { step } from './enter';

export const assess = step<'Assess'>('Assess', async (run) => {
  const facts = await outcomeFacts(run);
  const plan = planRollback({
    migrations: facts ?? [],
    restorePoint: run.recovery ? run.journal.record('Snapshot')?.restorePoint : undefined,
    stateKnown: facts !== undefined,
  });
  await closeLedgerRows(
    run,
    (facts ?? []).filter((fact) => fact.effect === 'undone'),
  );
  const chosen = plan.considered.find((rung) => rung.chosen);
  return {
    verdict: 'passed',
    route: plan.rung,
    message: `${plan.rung}: ${chosen?.reason ?? ''}`,
    record: { rung: plan.rung, toRollBack: plan.toRollBack, plan: plan.considered },
  };
});

/** From the ledger, not from memory: a step that crashed left no record. `undefined` where it cannot be read. */
async function outcomeFacts(run: RunContext): Promise<readonly MigrationOutcomeFact[] | undefined> {
  try {
    const rows = await withSession(
      run.database,
      { applicationName: 'godwit assess', readOnly: true, statementTimeoutMs: 10_000 },
      (session) => readLedger(session),
    );
    const told = run.journal.record('Migrate');
    return pendingMigrations(run).map((migration) => {
      const row = rows.find(
        (candidate) => candidate.name === migration.name && candidate.rolledBackAt === undefined,
      );
      return {
        name: migration.name,
        effect:
          !row || isSomebodyElses(told, migration) || (isApplied(row) && !isOfRun(row, run.runId))
            ? 'undone'
            : isApplied(row)
              ? 'applied'
              : partialOrUndone(run, migration),
        hasDownScript: migration.downSql !== undefined,
        downScript: downScriptOf(run, migration),
      };
    });
  } catch {
    // Whatever keeps the ledger from being read, the answer is the same: the state is not known.
    return undefined;
  }
}

/** The ledger's times are the server's, the request's are this machine's. */
const CLOCK_SKEW_MS = 60_000;

/** Where the executor told what it did, a row that it does not know of was written by another one meanwhile. */
const isSomebodyElses = (told: PhaseRecords['Migrate'] | undefined, { name }: Migration): boolean =>
  told !== undefined && !told.applied.includes(name) && told.failure?.migration !== name;

/** A rehearsal that stopped at a migration without a way back never tried the scripts of those before it. */
function downScriptOf(run: RunContext, { name }: Migration): MigrationOutcomeFact['downScript'] {
  const rehearsal = run.journal.record('Rehearse');
  if (rehearsal?.downProven.includes(name)) return 'proven';
  const isAgainst = rehearsal?.findings.some(
    ({ id, migration }) =>
      id === 'down-script-loses-data' || (id === 'down-script-failed' && migration === name),
  );
  return isAgainst ? 'failed' : 'untried';
}

/** A row that stays "failed" would block every later deploy (P3009), although nothing of the migration remained. */
async function closeLedgerRows(run: RunContext, undone: readonly MigrationOutcomeFact[]): Promise<void> {
  if (undone.length === 0) return;
  await withSession(run.database, { applicationName: 'godwit assess' }, async (session) => {
    const ledger = await findLedger(session);
    if (!ledger) return;
    for (const row of await readLedger(session, ledger)) {
      const isOurs = row.startedAt.getTime() >= Date.parse(run.request.requestedAt) - CLOCK_SKEW_MS;
      if (isOurs && isUnfinished(row) && undone.some((fact) => fact.name === row.name)) {
        await rollBackMigration(session, ledger, row.id);
      }
    }
  });
}

/** A stepwise file that failed at its first statement left only its ledger row. */
function partialOrUndone(run: RunContext, migration: Migration): 'partial' | 'undone' {
  const failure = run.journal.record('Migrate')?.failure;
  return failure?.migration === migration.name && failure.statementsDone === 0 ? 'undone' : 'partial';
}
