/** What a rehearsal does on its clone: up, readings, down in reverse order, and proof that down led back exactly. */
import { type CatalogPicture, differenceOf, isSame, pictureCatalog } from '../checks/catalog';
import { driftFinding } from '../checks/history';
import { type Contents, differingTables, readContents } from '../checks/table-content';
import { GodwitError } from '../domain/errors';
import type { Finding } from '../domain/finding';
import type { Migration } from '../domain/migration';
import type { PhaseRecords, StatementTiming } from '../domain/run';
import { migrate, runDown, type StatementEvent } from '../migrate/executor';
import type { Database, Session } from '../ports/database';
import { withSession } from '../ports/database';
import { pendingMigrations, type RunContext } from './context';
import { driftFrom } from './drift';
import { abortSignal } from './enter';
import { cutOffFinding, outlastingFindings } from './outlasting';
import { brokenOnes, compareInvariants, readState, unclearOnes } from './readings';
import { statementTeller } from './statement-teller';

type Rehearsal = Omit<PhaseRecords['Rehearse'], 'durationMs'>;

/** Nobody works on the clone: waiting for a lock there would be Godwit's own mistake. */
const CLONE_LOCK_TIMEOUT_MS = 10_000;
/** Reading every row twice takes too long beyond this; down scripts of larger databases are proven by catalog and invariants. */
const MOST_BYTES_TO_CHECKSUM = 5_000_000_000;

export async function rehearseOn(run: RunContext, clone: Database): Promise<Rehearsal> {
  const abort = abortSignal(run);
  try {
    return await rehearse({ ...run, signal: abort.signal }, clone);
  } finally {
    abort.stop();
  }
}

async function rehearse(run: RunContext, clone: Database): Promise<Rehearsal> {
  const migrations = pendingMigrations(run);
  const asOf = run.clock.now().toISOString();
  const before = await readState(run, clone, asOf);
  const contentsBefore = await contentsOf(run, clone);

  const teller = statementTeller(
    run,
    'RunRehearsal',
    migrations.map(({ name }) => name),
  );
  const overdue = overdueSignal(run);
  const request = { ...requestOn(run, clone), signal: AbortSignal.any([run.signal, overdue]) };
  let last: { readonly event: StatementEvent; readonly at: number } | undefined;
  const onEvent = (event: StatementEvent): void => {
    if (event.status === 'started') last = { event, at: performance.now() };
    teller(event);
  };
  const statements: StatementTiming[] = [];
  const pictures: CatalogPicture[] = [before.catalog];
  for (const migration of migrations) {
    const outcome = await migrate({ ...request, onEvent, migrations: [migration] });
    statements.push(...outcome.statements);
    if (outcome.outcome === 'aborted' && overdue.aborted && !run.signal.aborted) {
      const stopped = last && { event: last.event, ranMs: performance.now() - last.at };
      return { ...nothing, statements, findings: [cutOffFinding(run, migration, stopped)] };
    }
    if (outcome.outcome !== 'applied') {
      return { ...nothing, statements, findings: [failedFinding(migration, outcome)] };
    }
    pictures.push(await onClone(clone, pictureCatalog));
  }
  const after = await readState(run, clone, asOf);
  const invariants = compareInvariants(run, before.readings, after.readings);
  const broken = [...brokenOnes(invariants), ...unclearOnes(invariants)];
  const replay = await replayFindings(run, clone, migrations);
  const down = await tryDownScripts(run, clone, migrations, pictures, contentsBefore);
  const outlasting = await outlastingFindings(run, migrations, statements);
  return {
    statements,
    invariants,
    findings: [...broken.map(brokenFinding), ...outlasting, ...replay, ...down.findings],
    downProven: down.proven,
    longestBlockingMs: longestBlocking(statements),
  };
}

/** So that a statement that takes for ever is told of, and not just the step that it took along. */
const overdueSignal = ({ endsOverdueSteps, deadline, clock }: RunContext): AbortSignal =>
  endsOverdueSteps
    ? AbortSignal.timeout(Math.max(0, deadline.getTime() - clock.now().getTime()))
    : new AbortController().signal;

/**
 * After the migration Validate replays the whole history beside production: what keeps it from that, as a role that
 * exists already in the cluster, is to be known before anything is changed.
 */
async function replayFindings(
  run: RunContext,
  clone: Database,
  pending: readonly Migration[],
): Promise<readonly Finding[]> {
  const { migrations } = run.request.project;
  const last = migrations.findIndex(({ name }) => name === pending.at(-1)?.name);
  try {
    const drift = await driftFrom(run, migrations.slice(0, last + 1), clone);
    return drift === '' ? [] : [driftFinding(drift, true)];
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    return [
      {
        id: 'history-not-replayable',
        severity: 'error',
        subject: 'migrations',
        effect: `the history, with the pending migrations, cannot be replayed on an empty database beside this one: ${error.message}`,
        remedy: 'Create what belongs to the whole cluster, as roles, only where it is not there yet.',
      },
    ];
  }
}

const nothing = { invariants: [], downProven: [], longestBlockingMs: 0 } as const;

const requestOn = (run: RunContext, clone: Database) => ({
  database: clone,
  runId: run.runId,
  maxBlockingMs: CLONE_LOCK_TIMEOUT_MS,
  giveUpAfterMs: CLONE_LOCK_TIMEOUT_MS,
  signal: run.signal,
  clock: run.clock,
  observeLocks: true,
});

async function tryDownScripts(
  run: RunContext,
  clone: Database,
  migrations: readonly Migration[],
  pictures: readonly CatalogPicture[],
  contentsBefore: Contents | undefined,
): Promise<{ proven: string[]; findings: Finding[] }> {
  const proven: string[] = [];
  for (const [index, migration] of [...migrations.entries()].reverse()) {
    if (migration.downSql === undefined) return { proven, findings: [noDownFinding(migration)] };
    run.tell(`down script of ${migration.name}`);
    const outcome = await runDown({ ...requestOn(run, clone), migration });
    if (outcome.outcome !== 'applied')
      return { proven, findings: [downFailedFinding(migration, reasonOf(outcome))] };
    const difference = differenceOf(pictures[index] ?? [], await onClone(clone, pictureCatalog));
    if (!isSame(difference)) {
      const [line] = [
        ...difference.lost.map((lost) => `lost ${lost}`),
        ...difference.added.map((added) => `left ${added}`),
      ];
      return { proven, findings: [downFailedFinding(migration, line ?? 'the schema differs')] };
    }
    proven.push(migration.name);
  }
  if (!contentsBefore) return { proven, findings: [] };
  const differing = differingTables(contentsBefore, await onClone(clone, readContents));
  if (differing.length === 0) return { proven, findings: [] };
  return { proven: [], findings: [dataNotBackFinding(differing)] };
}

async function contentsOf(run: RunContext, clone: Database): Promise<Contents | undefined> {
  const bytes = run.journal.record('Preflight')?.databaseBytes ?? 0;
  return bytes > MOST_BYTES_TO_CHECKSUM ? undefined : onClone(clone, readContents);
}

const onClone = <T>(clone: Database, work: (session: Session) => Promise<T>): Promise<T> =>
  withSession(clone, { applicationName: 'godwit rehearsal', readOnly: true }, work);

/** Modes that make the application's reads or writes wait. */
const BLOCKING_MODES: ReadonlySet<string> = new Set([
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]);

function longestBlocking(statements: readonly StatementTiming[]): number {
  const blocking = statements.flatMap((statement) =>
    (statement.locks ?? []).filter((lock) => BLOCKING_MODES.has(lock.mode)).map((lock) => lock.heldMs),
  );
  return Math.max(0, ...blocking);
}

type Unfinished = Exclude<Awaited<ReturnType<typeof migrate>>, { outcome: 'applied' }>;

const reasonOf = (outcome: Exclude<Awaited<ReturnType<typeof runDown>>, { outcome: 'applied' }>): string =>
  outcome.outcome === 'failed' ? outcome.failed.message : outcome.outcome;

const failedFinding = (migration: Migration, outcome: Unfinished): Finding => ({
  id: 'rehearsal-failed',
  severity: 'error',
  migration: migration.name,
  ...(outcome.outcome === 'failed' ? { statement: outcome.failed.statement, line: outcome.failed.line } : {}),
  subject: `migrations/${migration.name}/migration.sql`,
  effect:
    outcome.outcome === 'failed'
      ? `it fails on a clone of this database, line ${outcome.failed.line}: ${outcome.failed.message}`
      : `the rehearsal was stopped (${outcome.outcome})`,
  remedy: 'Correct the migration, or the data that it meets; nothing was changed.',
});

const brokenFinding = (outcome: {
  name: string;
  differences: readonly string[];
  verdict: string;
}): Finding => ({
  id: 'rehearsal-invariant-broken',
  severity: 'error',
  subject: outcome.name,
  effect: `the invariant is ${outcome.verdict} after the migrations on the clone: ${outcome.differences.join('; ')}`,
  remedy: 'Correct the migration; nothing was changed.',
});

const noDownFinding = (migration: Migration): Finding => ({
  id: 'no-down-script',
  severity: 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}`,
  effect: 'it has no down.sql: the way back from it, and from all before it, is a restore',
  remedy: 'Write down.sql beside it, where its effect can be undone.',
});

const downFailedFinding = (migration: Migration, reason: string): Finding => ({
  id: 'down-script-failed',
  severity: 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}/down.sql`,
  effect: `it did not bring the schema back on the clone: ${reason}`,
  remedy: 'Correct it; until then the way back is a restore.',
});

const dataNotBackFinding = (tables: readonly string[]): Finding => ({
  id: 'down-script-loses-data',
  severity: 'warning',
  subject: tables.join(', '),
  effect: 'after all down scripts the rows on the clone are not those before the migrations',
  remedy: 'Correct the down scripts; until then the way back is a restore.',
});
