/** What a rehearsal has to say of migrations and of their down scripts. */
import type { ProbedTable } from '../checks/probes/write';
import type { Finding } from '../domain/finding';
import { type LostWrite, placeOf } from '../domain/lost-write';
import type { Migration } from '../domain/migration';
import type { MigrateOutcome } from '../migrate/executor';
import type { Tour } from './rehearsal-clone';

export const failedFinding = (
  migration: Migration,
  outcome: Exclude<MigrateOutcome, { outcome: 'applied' }>,
): Finding => ({
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

export const brokenFinding = (outcome: {
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

export const noDownFinding = (migration: Migration): Finding => ({
  id: 'no-down-script',
  severity: 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}`,
  effect: 'it has no down.sql: the way back from it, and from all before it, is a restore',
  remedy: 'Write down.sql beside it, where its effect can be undone.',
});

export const downFailedFinding = (migration: Migration, reason: string): Finding => ({
  id: 'down-script-failed',
  severity: 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}/down.sql`,
  effect: `it did not bring the schema back on the clone: ${reason}`,
  remedy: 'Correct it; until then the way back is a restore.',
});

export const dataNotBackFinding = (tables: readonly string[]): Finding => ({
  id: 'down-script-loses-data',
  severity: 'warning',
  subject: tables.join(', '),
  effect: 'after all down scripts the data on the clone is not that before the migrations',
  remedy: 'Correct the down scripts; until then the way back is a restore.',
});

export const dataNotComparedFinding = (migrations: readonly Migration[]): Finding => ({
  id: 'down-script-data-not-compared',
  severity: 'warning',
  subject: migrations.map(({ name }) => `migrations/${name}/down.sql`).join(', '),
  effect:
    'the database is too large to read every row before and after, and these scripts, or their migrations, change rows that were there before: only schema and invariants were compared',
  remedy: 'Write an invariant over the values that they change, and expect to be asked before they run.',
});

/** All scripts ran before the migrations were applied again: which one is to blame, the migration that fails may tell. */
export const blocksReapplyFinding = (migrations: readonly string[], reason: string): Finding => ({
  id: 'down-script-blocks-reapply',
  severity: 'warning',
  ...(migrations.length === 1 ? { migration: migrations[0] } : {}),
  subject: migrations.map((name) => `migrations/${name}/down.sql`).join(', '),
  effect: `after the down scripts the migrations do not apply again as they did the first time: ${reason}`,
  remedy: 'Undo in them all that the migrations make; until then the way back is a restore.',
});

/** That a new column goes with what was written into it is in the nature of a way back; other losses are the script's. */
export const losesWritesFinding = (migration: Migration, lost: readonly LostWrite[]): Finding => ({
  id: 'down-script-loses-writes',
  severity: lost.every(({ how }) => how === 'dropped') ? 'info' : 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}/down.sql`,
  effect: `what is written after the migration it does not keep: ${lost.map((each) => `${placeOf(each)} (${HOW[each.how]})`).join(', ')}`,
  remedy: 'Carry the values over in it, or let it run only while nothing was written there.',
});

const HOW: Readonly<Record<LostWrite['how'], string>> = {
  dropped: 'goes',
  overwritten: 'holds another value afterwards',
  deleted: 'rows go',
};

export const refusesWritesFinding = (migration: Migration, reason: string): Finding => ({
  id: 'down-script-refuses-writes',
  severity: 'warning',
  migration: migration.name,
  subject: `migrations/${migration.name}/down.sql`,
  effect: `it fails where values were written that only the schema after the migration can hold: ${reason}`,
  remedy: 'Convert such values in it; once some were written, the way back is a restore.',
});

export const refusedProbesFinding = (left: readonly ProbedTable[]): Finding => {
  const places = left.flatMap(({ table, refused }) =>
    refused.map((column) => placeOf({ table: table.name, column })),
  );
  return {
    id: 'writes-not-tried',
    severity: 'info',
    subject: shortList(places),
    effect: `${places.length === 1 ? 'a column' : `${places.length} columns`} took no other value on the clone: whether the down scripts keep what is written there is not known`,
    remedy: 'None is needed where the down scripts do not write there.',
  };
};

export const writesNotTriedFinding = (tour: Tour, untried: readonly Migration[]): Finding => ({
  id: 'writes-not-tried',
  severity: 'warning',
  subject: untried.map(({ name }) => `migrations/${name}/down.sql`).join(', '),
  effect: `${tour.signal.aborted ? endOf(tour) : 'the way back ended on written data'}: what they lose of data written after the migrations is known from their statements alone`,
  remedy: 'Read what they drop, delete and overwrite; or run fewer migrations at once: --until <migration>.',
});

export const wayBackCutShortFinding = (tour: Tour): Finding => ({
  id: 'down-scripts-not-proven',
  severity: 'warning',
  subject: tour.migrations.map(({ name }) => `migrations/${name}/down.sql`).join(', '),
  effect: `${endOf(tour)} before they were proven to lead back`,
  remedy: 'Run fewer migrations at once: --until <migration>.',
});

const endOf = ({ run }: Tour): string =>
  run.signal.aborted ? 'the rehearsal was stopped' : "the rehearsal ran out of its step's time";

const MOST_NAMED = 5;

const shortList = (places: readonly string[]): string =>
  places.length <= MOST_NAMED
    ? places.join(', ')
    : `${places.slice(0, MOST_NAMED).join(', ')} and ${places.length - MOST_NAMED} more`;
