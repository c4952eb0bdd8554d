/**
 * Begins restores: to the exact moment by the logs where they have arrived, after a wait within bounds otherwise, and at
 * last from the snapshot, with what that loses written on the instance.
 */
import type { DBInstance, DBSnapshot, Tag } from '@aws-sdk/client-rds';
import { messageOf } from '../../domain/errors';
import type { Clock } from '../../ports/clock';
import type { InstanceState, RecoveryTarget } from '../../ports/recovery';
import type { Rds } from './rds-client';
import { identifierOf, LOST_FROM_TAG, LOST_TO_TAG, tagOf, waitingTagOf } from './rds-names';
import { type Refused, wayOutOf } from './rds-refusals';
import { restorePointOf, takenAt, wholeSecond } from './rds-restore-points';
import { purposeOf, settingsForRestore } from './rds-settings';
import { instanceStateOf } from './rds-status';

export interface RestoreOptions {
  readonly clock: Clock;
  /** How long logs are waited for. */
  readonly waitForLogsMs: number;
}

interface Restore {
  /** Of the instance to be made. */
  readonly name: string;
  /** Whose settings it gets. */
  readonly serving: DBInstance;
}

export class RdsRestores {
  readonly #rds: Rds;
  readonly #options: RestoreOptions;

  constructor(rds: Rds, options: RestoreOptions) {
    this.#rds = rds;
    this.#options = options;
  }

  async begin(restore: Restore, target: RecoveryTarget): Promise<InstanceState> {
    switch (target.kind) {
      case 'restore-point':
        return this.#toPoint(restore, target.name);
      case 'time':
        return this.#toTime(restore, target.at);
      case 'lsn':
        return failed('RDS recovers to restore points and to times, not to an LSN');
    }
  }

  async #toPoint(restore: Restore, point: string): Promise<InstanceState> {
    const snapshot = await this.#rds.snapshot(identifierOf(point));
    if (snapshot === undefined) return failed(`there is no restore point ${point}`);
    const restorePoint = restorePointOf(snapshot);
    if (restorePoint === undefined) {
      return failed(
        `the restore point ${point} is not ready: RDS reports ${snapshot.Status}, and no moment is fixed`,
      );
    }
    const moment = new Date(restorePoint.at);
    const source = await this.#sourceOf(snapshot, restore.serving);
    if (source === undefined) return this.#fromSnapshot(restore, snapshot, moment);
    let meanwhile = mayLeadTo(source, restore.serving) ? waiting(source, moment) : undefined;
    if (leadsBeyond(source, moment)) {
      const refused = await this.#restoreToTime(restore, source, moment);
      if (!isOfLogs(refused)) return stateAfter(refused);
      meanwhile = refused.code === 'InvalidDBInstanceState' ? busy(source) : undefined;
    }
    if (meanwhile !== undefined && (await this.#mayWait(restore, snapshot))) return meanwhile;
    return this.#fromSnapshot(restore, snapshot, moment);
  }

  async #toTime(restore: Restore, at: string): Promise<InstanceState> {
    const { serving } = restore;
    const now = this.#options.clock.now();
    const target = new Date(at);
    if (Number.isNaN(target.getTime())) return failed(`${at} is not an ISO 8601 time`);
    if (target > now) return failed(`${at} lies in the future`);
    const moment = wholeSecond(target);
    if (backupsAreOff(serving)) return failed('automated backups are off (BackupRetentionPeriod is 0)');
    if (leadsBeyond(serving, moment)) {
      const refused = await this.#restoreToTime(restore, serving, moment);
      if (!isOfLogs(refused)) return stateAfter(refused);
      return refused.code === 'InvalidDBInstanceState'
        ? busyUnlessBroken(serving)
        : failed(`RDS cannot restore to ${moment.toISOString()}: ${messageOf(refused.cause)}`);
    }
    if (now.getTime() - moment.getTime() < this.#options.waitForLogsMs) return waiting(serving, moment);
    return failed(`the logs up to ${moment.toISOString()} have not arrived: ${reachOf(serving)}`);
  }

  /** Backups belong to the instance that the snapshot was taken of, under whatever name it goes now. */
  #sourceOf({ DbiResourceId: resource }: DBSnapshot, serving: DBInstance): Promise<DBInstance | undefined> {
    return resource === undefined || resource === serving.DbiResourceId
      ? Promise.resolve(serving)
      : this.#rds.instanceOfResource(resource);
  }

  #restoreToTime({ name, serving }: Restore, source: DBInstance, moment: Date): Promise<Refused | undefined> {
    const identifier = identifierOf(name);
    return this.#rds.restoreToTime({
      ...settingsForRestore(serving, purposeOf(identifier), []),
      SourceDBInstanceIdentifier: source.DBInstanceIdentifier,
      TargetDBInstanceIdentifier: identifier,
      RestoreTime: moment,
    });
  }

  async #fromSnapshot(
    { name, serving }: Restore,
    snapshot: DBSnapshot,
    moment: Date,
  ): Promise<InstanceState> {
    const identifier = identifierOf(name);
    const lost: readonly Tag[] = [
      { Key: LOST_FROM_TAG, Value: takenAt(snapshot).toISOString() },
      { Key: LOST_TO_TAG, Value: moment.toISOString() },
    ];
    const refused = await this.#rds.restoreSnapshot({
      ...settingsForRestore(serving, purposeOf(identifier), lost),
      DBInstanceIdentifier: identifier,
      DBSnapshotIdentifier: snapshot.DBSnapshotIdentifier,
    });
    return stateAfter(refused);
  }

  /** When the waiting began is kept on the snapshot: whoever asks next may be another process. */
  async #mayWait({ name }: Restore, snapshot: DBSnapshot): Promise<boolean> {
    const { clock, waitForLogsMs } = this.#options;
    if (waitForLogsMs === 0) return false;
    const key = waitingTagOf(name);
    const since = tagOf(snapshot.TagList, key);
    if (since !== undefined) return clock.now().getTime() - new Date(since).getTime() < waitForLogsMs;
    await this.#rds.tag(snapshot.DBSnapshotArn, key, clock.now().toISOString());
    return true;
  }
}

const failed = (reason: string): InstanceState => ({ state: 'failed', reason });

const waiting = (source: DBInstance, moment: Date): InstanceState => ({
  state: 'creating',
  message: `the logs up to ${moment.toISOString()} are waited for: ${reachOf(source)}`,
});

const reachOf = ({ DBInstanceIdentifier: id, LatestRestorableTime: latest }: DBInstance): string =>
  latest === undefined ? `${id} is not restorable yet` : `${id} is restorable up to ${latest.toISOString()}`;

const backupsAreOff = ({ BackupRetentionPeriod: days = 0 }: DBInstance): boolean => days === 0;

/** RDS takes only what lies before the latest moment. */
const leadsBeyond = (source: DBInstance, moment: Date): boolean =>
  !backupsAreOff(source) && source.LatestRestorableTime !== undefined && source.LatestRestorableTime > moment;

/** Only an instance that serves writes logs; one that was stopped after a cut-over never gets further. */
const mayLeadTo = (source: DBInstance, serving: DBInstance): boolean =>
  !backupsAreOff(source) && source.DBInstanceIdentifier === serving.DBInstanceIdentifier;

const busy = ({ DBInstanceIdentifier: id }: DBInstance): InstanceState => ({
  state: 'creating',
  message: `RDS is busy with ${id}`,
});

/** Refused in a state that passes, or in one that needs a person. */
function busyUnlessBroken(source: DBInstance): InstanceState {
  const state = instanceStateOf(source);
  return state.state === 'failed' ? state : busy(source);
}

type OfLogs = Refused & {
  code: 'InvalidDBInstanceState' | 'InvalidRestore' | 'PointInTimeRestoreNotEnabled';
};

/** The logs do not lead there, or not now: the snapshot still may. */
const isOfLogs = (refused: Refused | undefined): refused is OfLogs =>
  refused?.code === 'InvalidDBInstanceState' ||
  refused?.code === 'InvalidRestore' ||
  refused?.code === 'PointInTimeRestoreNotEnabled';

function stateAfter(refused: Refused | undefined): InstanceState {
  // Somebody else's that is not shown yet is found by the next inspection.
  if (refused === undefined || refused.code === 'DBInstanceAlreadyExists') return { state: 'creating' };
  return failed(wayOutOf(refused));
}
