/** Feeds the throttle: what the watch sees, and about once a second what the server tells of its WAL and of dead rows. */
import type { Session } from '../../ports/database';
import type { FileRun } from '../file-run';
import type { BackfillKey } from './backfill-key';
import {
  type BackfillReadings,
  defaultLimits,
  NO_MEMORY,
  type Throttled,
  type ThrottleLimits,
  throttle,
} from './throttle';

const READ_EVERY_MS = 1000;

export class BackfillThrottle {
  readonly #run: FileRun;
  readonly #key: BackfillKey;
  readonly #limits: (maxWalBytes: number) => ThrottleLimits;
  #readings: BackfillReadings | undefined;
  #maxWalBytes = 0;
  /** A backfill of less than a second reads nothing. */
  #readAtMs: number;
  #memory = NO_MEMORY;
  #lastBatchMs = 0;

  constructor(run: FileRun, key: BackfillKey, nowMs: number) {
    this.#run = run;
    this.#key = key;
    this.#readAtMs = nowMs;
    // What is usual is what it was before the first batch.
    const calmRoundTripMs = run.watch.vitals()?.roundTripMs ?? 1;
    this.#limits = (maxWalBytes) =>
      defaultLimits({
        maxBlockingMs: run.request.maxBlockingMs,
        calmRoundTripMs,
        maxWalBytes,
        tableRows: key.estimatedRows ?? 0,
        patienceMs: run.request.giveUpAfterMs,
      });
  }

  batchTook(ms: number): void {
    this.#lastBatchMs = ms;
  }

  /** To be called between batches, with no transaction open. */
  async look(session: Session, nowMs: number): Promise<Throttled> {
    if (nowMs - this.#readAtMs >= READ_EVERY_MS) {
      this.#readAtMs = nowMs;
      await this.#read(session);
    }
    const throttled = throttle({
      nowMs,
      lastBatchMs: this.#lastBatchMs,
      vitals: this.#run.watch.vitals(),
      readings: this.#readings,
      limits: this.#limits(this.#maxWalBytes),
      memory: this.#memory,
    });
    this.#memory = throttled.memory;
    return throttled;
  }

  async #read(session: Session): Promise<void> {
    const { rows } = await session.query<ReadingRow>(READINGS, [this.#key.oid]);
    const row = rows[0];
    if (row === undefined) return;
    this.#maxWalBytes = row.max_wal_bytes;
    this.#readings = {
      deadTuples: row.dead_tuples ?? undefined,
      isVacuumed: row.is_vacuumed === true,
      unarchivedBytes: unarchivedBytes(row),
    };
  }
}

interface ReadingRow {
  readonly dead_tuples: number | null;
  readonly is_vacuumed: boolean | null;
  readonly max_wal_bytes: number;
  readonly current_segment: string;
  readonly archived_segment: string | null;
  readonly segment_bytes: number;
}

/** Statistics are of partitions; of a partitioned table itself there are none. */
const READINGS = `
WITH RECURSIVE tree AS (
  SELECT $1::oid AS oid
  UNION ALL
  SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT pg_catalog.sum(pg_catalog.pg_stat_get_dead_tuples(c.oid))::float8 AS dead_tuples,
  pg_catalog.current_setting('autovacuum')::bool AND pg_catalog.bool_or(NOT EXISTS (
    SELECT FROM pg_catalog.pg_options_to_table(c.reloptions)
     WHERE option_name = 'autovacuum_enabled' AND NOT option_value::bool)) AS is_vacuumed,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))::float8 AS max_wal_bytes,
  pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) AS current_segment,
  (SELECT COALESCE(last_archived_wal, last_failed_wal) FROM pg_catalog.pg_stat_archiver
    WHERE pg_catalog.current_setting('archive_mode') <> 'off') AS archived_segment,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))::float8 AS segment_bytes
  FROM tree JOIN pg_catalog.pg_class c USING (oid)
 WHERE c.relkind = 'r'`;

const SEGMENT_NAME_LENGTH = 24;

/** Between the segment that was archived last and the one that is being written. */
function unarchivedBytes({
  current_segment,
  archived_segment,
  segment_bytes,
}: ReadingRow): number | undefined {
  // A timeline's history file is archived, too.
  if (archived_segment === null || archived_segment.length < SEGMENT_NAME_LENGTH) return undefined;
  const bytes = startOf(current_segment, segment_bytes) - startOf(archived_segment, segment_bytes);
  return Number.isFinite(bytes) ? Math.max(0, bytes) : undefined;
}

/** The name is the timeline, then the upper 32 bits of the position, then the segment within them, in hexadecimal. */
function startOf(name: string, segmentBytes: number): number {
  const upper = Number.parseInt(name.slice(8, 16), 16);
  return upper * 2 ** 32 + Number.parseInt(name.slice(16, SEGMENT_NAME_LENGTH), 16) * segmentBytes;
}
