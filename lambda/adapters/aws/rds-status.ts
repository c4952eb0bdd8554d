/** What RDS' status words mean for a restore. A word that is not known never counts as ready. */
import type { DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import type { InstanceState, RestorePointState } from '../../ports/recovery';

/** `storage-optimization`: usable, while blocks are still copied. */
const USABLE: ReadonlySet<string> = new Set(['available', 'storage-optimization']);

/** No waiting leads out of these; with the way out where it is one that a person can take. */
const BROKEN: Readonly<Record<string, string | undefined>> = {
  deleting: undefined,
  failed: undefined,
  'inaccessible-encryption-credentials': 'Enable its KMS key.',
  'inaccessible-encryption-credentials-recoverable': 'Enable its KMS key, then start the instance.',
  'incompatible-create': undefined,
  'incompatible-network': 'Its subnets lack free addresses, or its VPC has changed.',
  'incompatible-option-group': 'Compare its option group with the engine version.',
  'incompatible-parameters': 'Compare its parameter group with the instance class.',
  'incompatible-restore': undefined,
  'insufficient-capacity':
    'AWS has no instance of this class free there: try again later, or with another class.',
  'restore-error': undefined,
  stopped: 'Start it.',
  stopping: undefined,
  'storage-full': 'Raise its AllocatedStorage.',
};

export function instanceStateOf(instance: DBInstance): InstanceState {
  const status = instance.DBInstanceStatus ?? '';
  if (USABLE.has(status)) return { state: 'ready' };
  if (Object.hasOwn(BROKEN, status)) return { state: 'failed', reason: brokenReason(instance, status) };
  const percent = instance.PercentProgress;
  return { state: 'creating', message: `RDS reports ${status}${percent ? ` (${percent} %)` : ''}` };
}

function brokenReason({ StatusInfos = [] }: DBInstance, status: string): string {
  const details = StatusInfos.flatMap(({ Message }) => (Message ? [Message] : [])).join('; ');
  const wayOut = BROKEN[status];
  return `RDS reports ${status}${details && `: ${details}`}${wayOut ? `. ${wayOut}` : ''}`;
}

const BROKEN_SNAPSHOT: ReadonlySet<string> = new Set(['failed', 'error', 'deleting', 'incompatible-restore']);

/** `undefined` once the snapshot is available: whether it is a restore point, its tags tell. */
export function unfinishedStateOf(snapshot: DBSnapshot): RestorePointState | undefined {
  const status = snapshot.Status ?? '';
  if (status === 'available') return undefined;
  if (BROKEN_SNAPSHOT.has(status)) return { state: 'failed', reason: `RDS reports ${status}` };
  const total = (snapshot.AllocatedStorage ?? 0) * 2 ** 30;
  const percent = snapshot.PercentProgress;
  return percent === undefined || total === 0
    ? { state: 'creating' }
    : { state: 'creating', doneBytes: Math.round((total * percent) / 100), totalBytes: total };
}
