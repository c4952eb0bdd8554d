/** Assess: what took effect, and by which rung of the ladder to come back. */
import { writesSince } from '../checks/writes-since';
import type { LostWrite } from '../domain/lost-write';
import type { Migration } from '../domain/migration';
import { type MigrationOutcomeFact, planRollback, type WritesAtRisk } from '../domain/rollback-plan';
import {
  findLedger,
  isApplied,
  isOfRun,
  isUnfinished,
  type LedgerRow,
  readLedger,
  rollBackMigration,
} from '../migrate/ledger';
import { readJournal, WHOLE_FILE } from '../migrate/statement-journal';
import { type Session, withSession } from '../ports/database';
import { planOf } from '../sql/facts';
import { mayHarmFormerData } from '../sql/former-data';
import { parseScript } from '../sql/parse';
import { placesLost } from '../sql/places-lost';
import { tablesWritten } from '../sql/tables-written';
import { pendingMigrations, type RunContext } from './context';
import { step } from './enter';
import { countersAt } from './write-readings';

export const assess = step<'Assess'>('Assess', async (run) => {
  const facts = await outcomeFacts(run);
  const plan = planRollback({
    migrations: facts ?? [],
    restorePoint: run.recovery ? run.journal.record('Snapshot')?.restorePoint : undefined,
    stateKnown: facts !== undefined,
    policy: run.policy.wayBack,
  });
  await closeLedgerRows(
    run,
    (facts ?? []).filter((fact) => fact.effect === 'undone'),
  );
  const chosen = plan.considered.find((rung) => rung.chosen);
  const { rung, approval, toRollBack, offered, considered } = plan;
  return {
    verdict: 'passed',
    route: approval === 'needed' ? 'ask' : rung,
    message: `${rung}: ${chosen?.reason ?? ''}${approval === 'needed' ? '; a person decides' : ''}`,
    record: { rung, approval, toRollBack, offered, plan: considered },
  };
});

/** From the ledger, not from memory: a step that crashed left no record. `undefined` where it cannot be read. */
async function outcomeFacts(run: RunContext): Promise<readonly MigrationOutcomeFact[] | undefined> {
  try {
    return await withSession(
      run.database,
      { applicationName: 'godwit assess', readOnly: true, statementTimeoutMs: 10_000 },
      async (session) => {
        const ledger = await findLedger(session);
        // Another executor's rows are not this run's to undo, whatever became of them.
        const rows = (await readLedger(session, ledger)).filter(
          (row) => isOfRun(row, run.runId) && row.rolledBackAt === undefined,
        );
        const facts: MigrationOutcomeFact[] = [];
        for (const migration of pendingMigrations(run)) {
          const row = rows.find(({ name }) => name === migration.name);
          const effect = await effectOf(run, session, { migration, row });
          facts.push({
            name: migration.name,
            effect,
            hasDownScript: migration.downSql !== undefined,
            downScript: downScriptOf(run, migration),
            mayHarmFormerData: await mayHarm(migration),
            writesAtRisk:
              ledger === undefined || row === undefined || effect === 'undone'
                ? []
                : await writesAtRisk(run, session, { migration, ledger, row, effect }),
          });
        }
        return facts;
      },
    );
  } catch {
    // Whatever keeps the ledger from being read, the answer is the same: the state is not known.
    return undefined;
  }
}

async function effectOf(
  run: RunContext,
  session: Session,
  { migration, row }: { readonly migration: Migration; readonly row: LedgerRow | undefined },
): Promise<MigrationOutcomeFact['effect']> {
  if (row === undefined) return 'undone';
  if (isApplied(row)) return 'applied';
  const { name, checksum } = migration;
  const failure = run.journal.record('Migrate')?.failure;
  if (failure?.migration !== name || failure.statementsDone > 0) return 'partial';
  // The batches of a backfill stay, and so may what an interrupted statement made, though no statement is done.
  const begun = await readJournal(session, { migration: name, checksum, direction: 'up' });
  return [...begun.keys()].some((ordinal) => ordinal !== WHOLE_FILE) ? 'partial' : 'undone';
}

/** About the whole tour of down scripts: none of them is trusted. */
const AGAINST_ALL: readonly string[] = ['down-script-loses-data', 'down-script-blocks-reapply'];

/** A rehearsal that stopped at a migration without a way back never tried the scripts of those before it. */
function downScriptOf(run: RunContext, { name }: Migration): MigrationOutcomeFact['downScript'] {
  const rehearsal = run.journal.record('Rehearse');
  if (rehearsal?.downProven.includes(name)) return 'proven';
  const isAgainst = rehearsal?.findings.some(
    ({ id, migration }) => AGAINST_ALL.includes(id) || (id === 'down-script-failed' && migration === name),
  );
  return isAgainst ? 'failed' : 'untried';
}

/** By the statements of both its scripts. */
export async function mayHarm({ sql, downSql = '' }: Migration): Promise<boolean> {
  const [up, down] = await Promise.all([parseScript(sql), parseScript(downSql)]);
  return mayHarmFormerData({ up: up.statements, down: down.statements });
}

interface Undoing {
  readonly migration: Migration;
  readonly ledger: string;
  readonly row: LedgerRow;
  readonly effect: 'applied' | 'partial';
}

async function writesAtRisk(
  run: RunContext,
  session: Session,
  { migration, ledger, row, effect }: Undoing,
): Promise<readonly WritesAtRisk[]> {
  const script = await parseScript(migration.sql);
  const counters = planOf(script).mode === 'atomic' ? undefined : await countersAt(run, 'before-migration');
  return writesSince(session, {
    lost: await lostWritesOf(run, migration),
    finished: effect === 'applied' ? { ledger, rowId: row.id } : undefined,
    begun: counters?.nextTransaction,
    writtenByMigration: tablesWritten(script.statements),
    // The rehearsal names a place by each name that it may have; of a part, some were never made.
    absentIsEmpty: effect === 'partial' || isProven(run, migration),
  });
}

const isProven = (run: RunContext, { name }: Migration): boolean =>
  run.journal.record('Rehearse')?.downProven.includes(name) === true;

/** As the rehearsal found by writing; of a script that it did not try, as its statements say. */
async function lostWritesOf(run: RunContext, migration: Migration): Promise<readonly LostWrite[]> {
  const { name, downSql } = migration;
  const rehearsal = run.journal.record('Rehearse');
  if (rehearsal?.downLoses !== undefined && isProven(run, migration)) {
    return rehearsal.downLoses.filter(({ migration }) => migration === name);
  }
  if (downSql === undefined) return [];
  const { statements } = await parseScript(downSql);
  return placesLost(statements).map((place) => ({ migration: name, ...place }));
}

/** A row that stays "failed" would block every later deploy (P3009), although nothing of the migration remained. */
async function closeLedgerRows(run: RunContext, undone: readonly MigrationOutcomeFact[]): Promise<void> {
  if (undone.length === 0) return;
  await withSession(run.database, { applicationName: 'godwit assess' }, async (session) => {
    const ledger = await findLedger(session);
    if (!ledger) return;
    for (const row of await readLedger(session, ledger)) {
      // Another executor may be at work on its own, or have left it for a person to look at.
      if (isOfRun(row, run.runId) && isUnfinished(row) && undone.some((fact) => fact.name === row.name)) {
        await rollBackMigration(session, ledger, row.id);
      }
    }
  });
}
