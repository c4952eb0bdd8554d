/** Takes a restore point and records what it holds, read from the serving database itself while others go on writing. */
import { type AlignedView, type Follower, followWrites } from '../checks/aligned-view';
import { pictureCatalog } from '../checks/catalog';
import { takeReadings } from '../checks/readings';
import { reachedBetween, readSequences, type SequencePositions } from '../checks/sequences';
import { readContents, replacedSinceSnapshot } from '../checks/table-content';
import { messageOf } from '../domain/errors';
import { parseInvariant } from '../domain/invariant';
import type { InvariantFile } from '../domain/migration';
import type { Clock } from '../ports/clock';
import { type Database, withSession } from '../ports/database';
import type { ObjectStore } from '../ports/object-store';
import type { PlaceWish, Recovery, RestorePoint, RestorePointState } from '../ports/recovery';
import { MOST_BYTES_TO_READ } from './drill-prove';
import { keepProof } from './proof';

export interface ProvenRestorePointRequest {
  readonly database: Database;
  readonly recovery: Recovery;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly invariants: readonly InvariantFile[];
  readonly name: string;
}

export type ProvenRestorePoint =
  | { readonly outcome: 'failed'; readonly reason: string }
  | {
      readonly outcome: 'taken';
      readonly restorePoint: RestorePoint;
      readonly proof: { readonly kept: true } | { readonly kept: false; readonly reason: string };
    };

const POLL_MS = 20;

export async function takeProvenRestorePoint(
  request: ProvenRestorePointRequest,
): Promise<ProvenRestorePoint> {
  // Seen only as they stand when they are looked at: these they have reached by the restore point, if none goes back.
  const sequences = await sequencesOf(request.database);
  const sight = await Sight.of(request.database);
  try {
    const state = await settled(request, sight);
    if (state.state !== 'ready') {
      return { outcome: 'failed', reason: state.state === 'failed' ? state.reason : 'it vanished' };
    }
    const { restorePoint } = state;
    return {
      outcome: 'taken',
      restorePoint,
      proof: await tryToProve({ ...request, sequences }, sight, restorePoint),
    };
  } finally {
    await sight.close();
  }
}

/** Of the last place that was asked about. */
class Sight implements PlaceWish {
  readonly #follower: Follower;
  /** No place is asked about where the restore point was under way, or there, already. */
  hasChosen = false;
  #asked: { readonly lsn: string; readonly view: Promise<AlignedView | undefined> } | undefined;

  private constructor(follower: Follower) {
    this.#follower = follower;
  }

  static async of(database: Database): Promise<Sight> {
    return new Sight(await followWrites(database));
  }

  /** No place would be better where nothing can be seen at all: {@link at} tells why. */
  suits(lsn: string): Promise<boolean> {
    this.hasChosen = true;
    return this.at(lsn).then(
      (view) => view !== undefined,
      () => true,
    );
  }

  async at(lsn: string): Promise<AlignedView | undefined> {
    if (this.#asked?.lsn !== lsn) {
      await this.#forget();
      this.#asked = { lsn, view: this.#follower.viewAt(lsn) };
    }
    return this.#asked.view;
  }

  /** What is seen by then stays in sight. */
  stopFollowing(): Promise<void> {
    return this.#follower.stop();
  }

  async close(): Promise<void> {
    await this.#forget();
    await this.stopFollowing();
  }

  async #forget(): Promise<void> {
    const view = await this.#asked?.view.catch(() => undefined);
    await view?.session.close();
  }
}

async function settled(
  { recovery, name, clock, signal }: ProvenRestorePointRequest,
  wish: PlaceWish,
): Promise<RestorePointState> {
  let state = await recovery.beginRestorePoint(name, wish);
  while (state.state === 'creating') {
    await clock.sleep(POLL_MS, signal);
    state = await recovery.inspectRestorePoint(name);
  }
  return state;
}

interface ProofRequest extends ProvenRestorePointRequest {
  /** As they stood before the restore point. */
  readonly sequences: SequencePositions;
}

const sequencesOf = (database: Database): Promise<SequencePositions> =>
  withSession(
    database,
    { applicationName: 'godwit proof', readOnly: true, lockTimeoutMs: 1_000, statementTimeoutMs: 30_000 },
    readSequences,
  );

const NO_CALM_PLACE = 'somebody was writing in the very milliseconds around each place that was tried for it';
const NOT_ITS_PLACE =
  'it was under way, or there, already, and nobody had looked at the database just before it while nobody wrote';

/** The restore point is good without it, too. */
async function tryToProve(
  request: ProofRequest,
  sight: Sight,
  { name, lsn }: RestorePoint,
): Promise<Extract<ProvenRestorePoint, { outcome: 'taken' }>['proof']> {
  if (lsn === undefined) return { kept: false, reason: 'its place among the writes is not known here' };
  try {
    const view = await sight.at(lsn);
    // Reading may take minutes, which neither its questions nor its snapshots may outlast.
    await sight.stopFollowing();
    if (view === undefined) return { kept: false, reason: sight.hasChosen ? NO_CALM_PLACE : NOT_ITS_PLACE };
    const reason = await readInto(request, view, name);
    return reason === undefined ? { kept: true } : { kept: false, reason };
  } catch (error) {
    request.signal.throwIfAborted();
    return { kept: false, reason: messageOf(error) };
  }
}

/** Answers why nothing was kept. */
async function readInto(
  { database, store, clock, signal, invariants, sequences }: ProofRequest,
  { session, exportedSnapshot }: AlignedView,
  restorePoint: string,
): Promise<string | undefined> {
  const stop = (): void => void session.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const asOf = clock.now().toISOString();
    const catalog = await pictureCatalog(session);
    const { rows } = await session.query<{ bytes: string }>(
      'select pg_database_size(current_database())::text as bytes',
    );
    const isLarge = Number(rows[0]?.bytes) > MOST_BYTES_TO_READ;
    const readings = await takeReadings({
      database,
      invariants: invariants.map(parseInvariant),
      asOf,
      snapshot: exportedSnapshot,
    });
    const contents = isLarge ? undefined : await readContents(session);
    const replaced = await replacedSinceSnapshot(session);
    if (replaced.length > 0)
      return `${replaced.join(', ')} ${replaced.length === 1 ? 'was' : 'were'} emptied, written anew, dropped or renamed after it, before all could be read`;
    await keepProof(store, {
      restorePoint,
      asOf,
      catalog,
      readings,
      invariants,
      sequences: reachedBetween(sequences, await sequencesOf(database)),
      readFrom: 'serving',
      ...(contents === undefined ? {} : { contents }),
    });
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
