/** Postgres's table-level lock modes: which stand in each other's way, and which stand in the way of an application. */

/** As in `pg_locks.mode`, from weak to strong. */
export const LOCK_MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const;

export type LockMode = (typeof LOCK_MODES)[number];

/** The server's conflict table (`LockConflicts` in lock.c). */
const CONFLICTS: Readonly<Record<LockMode, readonly LockMode[]>> = {
  AccessShareLock: ['AccessExclusiveLock'],
  RowShareLock: ['ExclusiveLock', 'AccessExclusiveLock'],
  RowExclusiveLock: ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'],
  ShareUpdateExclusiveLock: [
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareRowExclusiveLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ExclusiveLock: LOCK_MODES.slice(1),
  AccessExclusiveLock: LOCK_MODES,
};

export const conflicting = (mode: LockMode): readonly LockMode[] => CONFLICTS[mode];

export const conflict = (one: LockMode, other: LockMode): boolean => CONFLICTS[one].includes(other);

/** Whether one who holds it, or queues for it, makes a reader or a writer wait. */
export const blocksRequests = (mode: LockMode): boolean =>
  LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf('ShareUpdateExclusiveLock');

export const stronger = (one: LockMode, other: LockMode): LockMode =>
  LOCK_MODES.indexOf(one) >= LOCK_MODES.indexOf(other) ? one : other;
