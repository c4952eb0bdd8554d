/** What the parts of a rehearsal share: the clone, the migrations that have a way back, and how things stood before them. */
import type { CatalogPicture } from '../checks/catalog';
import type { Tables } from '../checks/probes/columns';
import type { SequencePositions } from '../checks/sequences';
import type { Contents } from '../checks/table-content';
import type { SecondRun } from '../domain/estimate';
import type { Readings } from '../domain/invariant';
import type { Migration } from '../domain/migration';
import { type MigrateOutcome, runDown } from '../migrate/executor';
import { type Database, type Session, withSession } from '../ports/database';
import type { RunContext } from './context';

/** Nobody works on the clone: waiting for a lock there would be Godwit's own mistake. */
const CLONE_LOCK_TIMEOUT_MS = 10_000;

export interface Tour {
  readonly run: RunContext;
  readonly clone: Database;
  /** Aborted when the rehearsal must end: a person, another owner, or its step's time. */
  readonly signal: AbortSignal;
  /** The last pending migrations, each of which has a down script; in order. */
  readonly migrations: readonly Migration[];
  /** Those before them. */
  readonly history: readonly Migration[];
  /** Before the first of them, and after each. */
  readonly pictures: readonly CatalogPicture[];
  /** Before the first of them; absent where the database is too large to read every row. */
  readonly contents: Contents | undefined;
  readonly sequences: SequencePositions;
  readonly readings: Readings;
  readonly asOf: string;
}

/** How the clone stands after the migrations were applied once more. */
export interface AppliedAgain {
  readonly before: Tables;
  /** Number of the first transaction that may be theirs. */
  readonly since: string;
  readonly run: SecondRun;
}

export const requestOn = ({ run, clone, signal }: Pick<Tour, 'run' | 'clone' | 'signal'>) => ({
  database: clone,
  runId: run.runId,
  maxBlockingMs: CLONE_LOCK_TIMEOUT_MS,
  giveUpAfterMs: CLONE_LOCK_TIMEOUT_MS,
  signal,
  clock: run.clock,
});

export const onClone = <T>(clone: Database, work: (session: Session) => Promise<T>): Promise<T> =>
  withSession(clone, { applicationName: 'godwit rehearsal', readOnly: true }, work);

/** Why the script did not take the migration back; `undefined` where it did. */
export async function goBack(tour: Tour, migration: Migration): Promise<string | undefined> {
  tour.run.tell(`down script of ${migration.name}`);
  const outcome = await runDown({ ...requestOn(tour), migration });
  return outcome.outcome === 'applied' ? undefined : reasonOf(outcome);
}

export const reasonOf = (outcome: Exclude<MigrateOutcome, { outcome: 'applied' }>): string =>
  outcome.outcome === 'failed' ? outcome.failed.message : outcome.outcome;
