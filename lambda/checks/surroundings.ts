/** Findings about what a way back needs: WAL that reaches the archive, and room for a copy. */
import type { Finding } from '../domain/finding';
import type { Capacity } from '../ports/capacity';
import type { Recovery } from '../ports/recovery';

export async function checkArchiving(recovery: Recovery | undefined): Promise<readonly Finding[]> {
  if (!recovery) {
    return [
      {
        id: 'no-restore-point',
        severity: 'warning',
        subject: 'restore point',
        effect:
          'this server belongs to somebody else: Godwit can take no restore point of it and make no clone',
        remedy: 'Take a backup by your own means before you go on; only down scripts can lead back.',
      },
    ];
  }
  const health = await recovery.archiving();
  if (health.healthy) return [];
  return [
    {
      id: 'archiving-broken',
      severity: 'error',
      subject: 'WAL archive',
      effect: `a restore point taken now could not be returned to: ${health.evidence.replace(/\.$/, '')}`,
      remedy: 'Free space in the archive folder or mend its permissions; archiving goes on by itself then.',
    },
  ];
}

/** A base backup and one clone of it, with room for the migration's own rewriting. */
const COPIES_NEEDED = 2.5;

export async function checkCapacity(
  capacity: Capacity | undefined,
  databaseBytes: number,
): Promise<readonly Finding[]> {
  if (!capacity) return [];
  const free = await capacity.freeBytes();
  const needed = databaseBytes * COPIES_NEEDED;
  if (free >= needed) return [];
  return [
    {
      id: 'disk-headroom',
      severity: 'error',
      subject: 'disk',
      effect: `${megabytes(free)} free, ${megabytes(needed)} needed for a base backup, a clone and the migration itself`,
      remedy: 'Free space or enlarge the disk.',
    },
  ];
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1_000_000)} MB`;
