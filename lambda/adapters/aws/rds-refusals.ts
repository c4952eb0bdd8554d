/** What RDS refuses although nothing is wrong with the call, and what a person is to do about it. */
import { AwsRequestRefused } from './errors';

/** By the names on the wire; the SDK appends `Fault` to most. */
export const REFUSALS = [
  'DBInstanceAlreadyExists',
  'DBInstanceNotFound',
  'DBSnapshotAlreadyExists',
  'DBSnapshotNotFound',
  'InvalidDBInstanceState',
  'InvalidDBSnapshotState',
  'InvalidRestore',
  'PointInTimeRestoreNotEnabled',
  'InstanceQuotaExceeded',
  'SnapshotQuotaExceeded',
  'StorageQuotaExceeded',
  'DBInstanceAutomatedBackupQuotaExceeded',
  'InsufficientDBInstanceCapacity',
  'KMSKeyNotAccessible',
] as const;

export type RefusalCode = (typeof REFUSALS)[number];

export interface Refused {
  readonly code: RefusalCode;
  readonly operation: string;
  readonly cause: unknown;
}

/** Sentences with the way out. Those without one here mean something to the caller only. */
const WAYS_OUT: Readonly<Partial<Record<RefusalCode, string>>> = {
  InstanceQuotaExceeded:
    'the account\'s quota of RDS instances is used up: delete one that nobody needs, or have "DB instances" raised in Service Quotas',
  SnapshotQuotaExceeded:
    'the account\'s quota of manual snapshots is used up: delete old ones, or have "Manual DB instance snapshots" raised in Service Quotas',
  StorageQuotaExceeded:
    'the account\'s quota of RDS storage is used up: delete an instance that nobody needs, or have "Total storage for all DB instances" raised in Service Quotas',
  DBInstanceAutomatedBackupQuotaExceeded:
    "the account's quota of retained automated backups is used up: delete those of instances that are gone",
  InsufficientDBInstanceCapacity:
    'AWS has no instance of this class free in the zones of the subnet group now: try again later, or with another class',
  KMSKeyNotAccessible:
    'the KMS key of the database cannot be used: it is disabled, about to be deleted, or not granted to the role of this step',
};

/**
 * @throws AwsRequestRefused where the refusal is none that a person can do something about
 */
export function wayOutOf({ code, operation, cause }: Refused): string {
  const wayOut = WAYS_OUT[code];
  if (wayOut === undefined) throw new AwsRequestRefused('rds', operation, code, cause);
  return `${wayOut} (${code})`;
}
