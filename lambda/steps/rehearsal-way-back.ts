/** Proves on the clone that the down scripts lead back exactly, and that the migrations apply again from there. */
import { type CatalogPicture, differenceOf, isSame, pictureCatalog } from '../checks/catalog';
import { readTables } from '../checks/probes/columns';
import { nextTransaction } from '../checks/probes/write';
import { faultsSince, readSequences } from '../checks/sequences';
import { differingTables, readContents } from '../checks/table-content';
import { GodwitError } from '../domain/errors';
import type { SecondRun } from '../domain/estimate';
import type { Finding } from '../domain/finding';
import type { LostWrite } from '../domain/lost-write';
import type { Migration } from '../domain/migration';
import { migrate } from '../migrate/executor';
import { StatementFailed, withSession } from '../ports/database';
import { quoted } from '../sql/names';
import { mayHarm } from './assess';
import { driftFrom } from './drift';
import { brokenOnes, compareInvariants, readState, unclearOnes } from './readings';
import { type AppliedAgain, goBack, onClone, reasonOf, requestOn, type Tour } from './rehearsal-clone';
import {
  blocksReapplyFinding,
  dataNotBackFinding,
  dataNotComparedFinding,
  downFailedFinding,
  wayBackCutShortFinding,
} from './rehearsal-findings';
import { findLostWrites } from './rehearsal-writes';

export interface WayBack {
  /** Names of migrations whose down script is proven: all of the tour, or none. */
  readonly proven: readonly string[];
  readonly loses: readonly LostWrite[];
  /** What the migrations took when they were applied once more. */
  readonly again?: SecondRun;
  readonly findings: readonly Finding[];
}

/** Down, up and down again: the second time with data written in between. */
export async function proveWayBack(tour: Tour): Promise<WayBack> {
  if (tour.migrations.length === 0) return { proven: [], loses: [], findings: [] };
  await forgoDurability(tour);
  try {
    const against = (await tryDownScripts(tour)) ?? (await compareWithBefore(tour));
    if (against) return notProven(against);
    const again = await applyAgain(tour);
    if ('against' in again) return notProven(again.against);
    const { loses, findings } = await findLostWrites(tour, again);
    const uncompared = await dataNotCompared(tour);
    return {
      proven: tour.migrations.filter((each) => !uncompared.includes(each)).map(({ name }) => name),
      loses,
      again: again.run,
      findings: uncompared.length === 0 ? findings : [...findings, dataNotComparedFinding(uncompared)],
    };
  } catch (error) {
    if (!tour.signal.aborted || error !== tour.signal.reason) throw error;
    return notProven(wayBackCutShortFinding(tour));
  }
}

/** Catalog and invariants prove the way back only of what leaves the rows of before alone. */
async function dataNotCompared({ contents, migrations }: Tour): Promise<readonly Migration[]> {
  if (contents !== undefined) return [];
  const harms = await Promise.all(migrations.map(mayHarm));
  return migrations.filter((_, index) => harms[index] === true);
}

/** Nobody misses a commit of a clone that a crash would take; what has been measured before is to hold in production. */
async function forgoDurability({ clone }: Tour): Promise<void> {
  try {
    await withSession(clone, { applicationName: 'godwit rehearsal' }, (session) =>
      session.query(`ALTER DATABASE ${quoted(clone.address.database)} SET synchronous_commit = off`),
    );
  } catch (error) {
    // It only takes longer where the database is another role's.
    if (!(error instanceof StatementFailed)) throw error;
  }
}

const notProven = (finding: Finding): WayBack => ({ proven: [], loses: [], findings: [finding] });

async function tryDownScripts(tour: Tour): Promise<Finding | undefined> {
  for (const [index, migration] of [...tour.migrations.entries()].reverse()) {
    const reason = await goBack(tour, migration);
    tour.signal.throwIfAborted();
    const difference = reason ?? (await firstDifference(tour, index));
    if (difference !== undefined) return downFailedFinding(migration, difference);
  }
  return undefined;
}

async function compareWithBefore(tour: Tour): Promise<Finding | undefined> {
  const { run, clone, signal, contents } = tour;
  const [first] = tour.migrations;
  const drift = await driftOf(tour);
  if (first && drift !== '') {
    return downFailedFinding(first, `Prisma finds a difference to the history before it: ${drift}`);
  }
  signal.throwIfAborted();
  const faults = faultsSince(tour.sequences, await onClone(clone, readSequences));
  if (faults.length > 0) return dataNotBackFinding(faults);
  if (contents) {
    const differing = differingTables(
      contents,
      await onClone(clone, (session) => readContents(session, signal)),
    );
    return differing.length === 0 ? undefined : dataNotBackFinding(differing);
  }
  const { readings } = await readState(run, clone, tour.asOf);
  const invariants = compareInvariants(run, tour.readings, readings, { isBack: true });
  const broken = [...brokenOnes(invariants), ...unclearOnes(invariants)];
  return broken.length === 0 ? undefined : dataNotBackFinding(broken.map(({ name }) => name));
}

/** The clone is as Preflight found the database, or so the catalog says: then the comparison is known. */
async function driftOf({ run, clone, history }: Tour): Promise<string> {
  try {
    return await driftFrom(run, history, clone);
  } catch (error) {
    if (error instanceof GodwitError) return error.message;
    throw error;
  }
}

async function applyAgain(tour: Tour): Promise<AppliedAgain | { readonly against: Finding }> {
  const { clone, run, signal, migrations } = tour;
  const before = await onClone(clone, readTables);
  const since = await onClone(clone, nextTransaction);
  run.tell('the migrations once more');
  const began = performance.now();
  const outcome = await migrate({ ...requestOn(tour), migrations });
  const totalMs = performance.now() - began;
  signal.throwIfAborted();
  if (outcome.outcome !== 'applied') {
    const failed = outcome.outcome === 'failed' ? [outcome.failed.migration] : [];
    return { against: blocksReapplyFinding(failed, reasonOf(outcome)) };
  }
  const difference = await firstDifference(tour, migrations.length);
  if (difference === undefined) return { before, since, run: { totalMs, statements: outcome.statements } };
  return {
    against: blocksReapplyFinding(
      migrations.map(({ name }) => name),
      difference,
    ),
  };
}

/** Between the clone and how it stood at that point of the tour. */
async function firstDifference({ clone, pictures }: Tour, index: number): Promise<string | undefined> {
  const expected: CatalogPicture = pictures[index] ?? [];
  const difference = differenceOf(expected, await onClone(clone, pictureCatalog));
  if (isSame(difference)) return undefined;
  const [line] = [
    ...difference.lost.map((lost) => `lost ${lost}`),
    ...difference.added.map((added) => `left ${added}`),
  ];
  return line ?? 'the schema differs';
}
