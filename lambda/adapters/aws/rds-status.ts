/** What RDS' status words mean for a restore. A word that is not known never counts as ready. */
import type { DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import type { InstanceState, RestorePointState } from '../../ports/recovery';
import { AwsAnswerUnusable } from './errors';
import { nameOf } from './rds-names';

/** `storage-optimization`: usable, while blocks are still copied. */
const USABLE: ReadonlySet<string> = new Set(['available', 'storage-optimization']);

/** No waiting leads out of these. */
const BROKEN: ReadonlySet<string> = new Set([
  'deleting',
  'failed',
  'inaccessible-encryption-credentials',
  'inaccessible-encryption-credentials-recoverable',
  'incompatible-create',
  'incompatible-network',
  'incompatible-option-group',
  'incompatible-parameters',
  'incompatible-restore',
  'insufficient-capacity',
  'restore-error',
  'stopped',
  'stopping',
  'storage-full',
]);

export function instanceStateOf(instance: DBInstance): InstanceState {
  const status = instance.DBInstanceStatus ?? '';
  if (USABLE.has(status)) return { state: 'ready' };
  if (BROKEN.has(status)) return { state: 'failed', reason: `RDS reports ${status}${detailsOf(instance)}` };
  const percent = instance.PercentProgress;
  return { state: 'creating', message: `RDS reports ${status}${percent ? ` (${percent} %)` : ''}` };
}

const detailsOf = (instance: DBInstance): string => {
  const messages = (instance.StatusInfos ?? []).flatMap(({ Message }) => (Message ? [Message] : []));
  return messages.length === 0 ? '' : `: ${messages.join('; ')}`;
};

const BROKEN_SNAPSHOT: ReadonlySet<string> = new Set(['failed', 'error', 'deleting', 'incompatible-restore']);

export function restorePointStateOf(snapshot: DBSnapshot): RestorePointState {
  const status = snapshot.Status ?? '';
  if (status === 'available') {
    // The last transaction in the snapshot; older engine versions do not tell it.
    const at =
      snapshot.SnapshotDatabaseTime ?? snapshot.OriginalSnapshotCreateTime ?? snapshot.SnapshotCreateTime;
    if (at === undefined)
      throw new AwsAnswerUnusable(`snapshot ${snapshot.DBSnapshotIdentifier} has no time`);
    const name = nameOf(snapshot.DBSnapshotIdentifier ?? '');
    return { state: 'ready', restorePoint: { name, at: at.toISOString(), lsn: undefined } };
  }
  if (BROKEN_SNAPSHOT.has(status)) return { state: 'failed', reason: `RDS reports ${status}` };
  const total = (snapshot.AllocatedStorage ?? 0) * 2 ** 30;
  const percent = snapshot.PercentProgress;
  return percent === undefined || total === 0
    ? { state: 'creating' }
    : { state: 'creating', doneBytes: Math.round((total * percent) / 100), totalBytes: total };
}
