/** Proves that an archive holds the WAL from one segment to another, whole and of this cluster, as far as headers tell. */
import { join } from 'node:path';
import { messageOf } from '../../domain/errors';
import { hasCode } from './files';
import { segmentNumber, segmentsBetween, timelineOf } from './wal';
import { readSegmentHeader } from './wal-file';

export interface SegmentDamage {
  readonly segment: string;
  readonly problem: string;
}

export interface WalRange {
  readonly first: string;
  readonly last: string;
  readonly segmentBytes: number;
  /** Of the cluster that wrote it. */
  readonly systemId: bigint;
}

/** The first segment that recovery could not get past; garbage behind a good beginning is found by the server only. */
export async function firstDamageIn(folder: string, range: WalRange): Promise<SegmentDamage | undefined> {
  for (const segment of segmentsBetween(range.first, range.last, range.segmentBytes)) {
    const problem = await problemWith(folder, segment, range);
    if (problem !== undefined) return { segment, problem };
  }
  return undefined;
}

async function problemWith(
  folder: string,
  segment: string,
  { segmentBytes, systemId }: WalRange,
): Promise<string | undefined> {
  try {
    const { bytes, header } = await readSegmentHeader(join(folder, segment));
    if (bytes !== segmentBytes) return `it has ${bytes} bytes instead of ${segmentBytes}`;
    if (header === undefined) return 'it does not begin like a WAL segment';
    if (header.systemId !== systemId) {
      return `it is of another database system (${header.systemId}, this one is ${systemId})`;
    }
    // The first segment after a promotion begins with pages of the timeline that was left.
    const place = segmentNumber(segment, segmentBytes) * BigInt(segmentBytes);
    if (header.position !== place || header.timeline > timelineOf(segment)) {
      return 'it holds WAL of another place under this name';
    }
    return undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return 'it is missing';
    return `it cannot be read (${messageOf(error)})`;
  }
}
