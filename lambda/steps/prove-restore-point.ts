/** Takes a restore point and records what it holds, read from the serving database itself while others go on writing. */
import { type AlignedView, type Follower, followWrites } from '../checks/aligned-view';
import { pictureCatalog } from '../checks/catalog';
import { takeReadings } from '../checks/readings';
import { readContents } from '../checks/table-content';
import { messageOf } from '../domain/errors';
import { parseInvariant } from '../domain/invariant';
import type { InvariantFile } from '../domain/migration';
import type { Clock } from '../ports/clock';
import type { Database } from '../ports/database';
import type { ObjectStore } from '../ports/object-store';
import type { Recovery, RestorePoint, RestorePointState } from '../ports/recovery';
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
  const follower = await followWrites(request.database);
  try {
    const state = await settled(request);
    if (state.state !== 'ready') {
      return { outcome: 'failed', reason: state.state === 'failed' ? state.reason : 'it vanished' };
    }
    const { restorePoint } = state;
    return { outcome: 'taken', restorePoint, proof: await tryToProve(request, follower, restorePoint) };
  } finally {
    await follower.stop();
  }
}

async function settled({
  recovery,
  name,
  clock,
  signal,
}: ProvenRestorePointRequest): Promise<RestorePointState> {
  let state = await recovery.beginRestorePoint(name);
  while (state.state === 'creating') {
    await clock.sleep(POLL_MS, signal);
    state = await recovery.inspectRestorePoint(name);
  }
  return state;
}

/** The restore point is good without it, too. */
async function tryToProve(
  request: ProvenRestorePointRequest,
  follower: Follower,
  { name, lsn }: RestorePoint,
): Promise<Extract<ProvenRestorePoint, { outcome: 'taken' }>['proof']> {
  if (lsn === undefined) return { kept: false, reason: 'its place among the writes is not known here' };
  try {
    const view = await follower.viewAt(lsn);
    if (view === undefined) {
      return { kept: false, reason: 'somebody was writing in the very milliseconds around it' };
    }
    try {
      await readInto(request, view, name);
      return { kept: true };
    } finally {
      await view.session.close();
    }
  } catch (error) {
    request.signal.throwIfAborted();
    return { kept: false, reason: messageOf(error) };
  }
}

async function readInto(
  { database, store, clock, signal, invariants }: ProvenRestorePointRequest,
  { session, exportedSnapshot }: AlignedView,
  restorePoint: string,
): Promise<void> {
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
    await keepProof(store, {
      restorePoint,
      asOf,
      catalog,
      readings,
      invariants,
      readFrom: 'serving',
      ...(contents === undefined ? {} : { contents }),
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
