/**
 * A restore point on RDS is a manual snapshot and a moment shortly after it, kept as a tag of the snapshot: the logs lead
 * to that moment exactly, and the snapshot stands in for it where they do not.
 */
import type { DBSnapshot } from '@aws-sdk/client-rds';
import type { Clock } from '../../ports/clock';
import type { RestorePoint, RestorePointState } from '../../ports/recovery';
import { AwsAnswerUnusable } from './errors';
import type { Rds } from './rds-client';
import { DATABASE_TAG, identifierOf, isMadeFrom, nameOf, RESTORE_TIME_TAG, tagOf } from './rds-names';
import { wayOutOf } from './rds-refusals';
import { instanceStateOf, unfinishedStateOf } from './rds-status';

export class RdsRestorePoints {
  readonly #rds: Rds;
  /** Identifier of the serving instance. */
  readonly #instance: string;
  readonly #clock: Clock;

  constructor(rds: Rds, instance: string, clock: Clock) {
    this.#rds = rds;
    this.#instance = instance;
    this.#clock = clock;
  }

  async begin(name: string): Promise<RestorePointState> {
    const known = await this.inspect(name);
    if (known.state !== 'absent') return known;
    const refused = await this.#rds.createSnapshot({
      DBInstanceIdentifier: this.#instance,
      DBSnapshotIdentifier: identifierOf(name),
      Tags: [{ Key: DATABASE_TAG, Value: this.#instance }],
    });
    // Somebody else's that is not shown yet is found by the next inspection.
    if (refused === undefined || refused.code === 'DBSnapshotAlreadyExists') return { state: 'creating' };
    if (refused.code === 'InvalidDBInstanceState') return this.#stateWhileBusy();
    return { state: 'failed', reason: wayOutOf(refused) };
  }

  async inspect(name: string): Promise<RestorePointState> {
    const snapshot = await this.#rds.snapshot(identifierOf(name));
    if (snapshot === undefined) return { state: 'absent' };
    const unfinished = unfinishedStateOf(snapshot);
    if (unfinished !== undefined) return unfinished;
    const restorePoint = restorePointOf(snapshot);
    if (restorePoint !== undefined) return { state: 'ready', restorePoint };
    await this.#fixMoment(snapshot);
    // Ready is only what was read back: what is reported must be what every later look finds.
    return { state: 'creating' };
  }

  async list(): Promise<readonly RestorePoint[]> {
    const snapshots = await this.#rds.manualSnapshots();
    return snapshots
      .filter(({ DBSnapshotIdentifier: id, TagList }) => isMadeFrom(this.#instance, id, TagList))
      .flatMap((snapshot) => restorePointOf(snapshot) ?? [])
      .sort((left, right) => right.at.localeCompare(left.at));
  }

  /** RDS recovers to whole seconds. The moment lies after the snapshot, so that the snapshot holds nothing beyond it. */
  async #fixMoment(snapshot: DBSnapshot): Promise<void> {
    const moment = wholeSecond(this.#clock.now());
    if (moment <= takenAt(snapshot)) return;
    await this.#rds.tag(snapshot.DBSnapshotArn, RESTORE_TIME_TAG, moment.toISOString());
  }

  /** Being backed up or modified, it is free again soon, and the next inspection begins again. */
  async #stateWhileBusy(): Promise<RestorePointState> {
    const serving = await this.#rds.instance(this.#instance);
    const state = serving === undefined ? undefined : instanceStateOf(serving);
    return state?.state === 'failed'
      ? { state: 'failed', reason: `no snapshot can be taken of ${this.#instance}: ${state.reason}` }
      : { state: 'creating' };
  }
}

/** `undefined` as long as its moment is not fixed. */
export function restorePointOf(snapshot: DBSnapshot): RestorePoint | undefined {
  const at = tagOf(snapshot.TagList, RESTORE_TIME_TAG);
  if (at === undefined || unfinishedStateOf(snapshot) !== undefined) return undefined;
  return { name: nameOf(snapshot.DBSnapshotIdentifier ?? ''), at, lsn: undefined };
}

/** The last transaction in the snapshot; older engine versions do not tell it. */
export function takenAt(snapshot: DBSnapshot): Date {
  const at =
    snapshot.SnapshotDatabaseTime ?? snapshot.OriginalSnapshotCreateTime ?? snapshot.SnapshotCreateTime;
  if (at === undefined) throw new AwsAnswerUnusable(`snapshot ${snapshot.DBSnapshotIdentifier} has no time`);
  return at;
}

export const wholeSecond = (moment: Date): Date => new Date(Math.floor(moment.getTime() / 1000) * 1000);
