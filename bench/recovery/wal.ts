/** Where a server is in its WAL, and whether its archive has come as far. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Session, withSession } from '../../lambda/ports/database';

const OPTIONS = { applicationName: 'bench' } as const;
const LIMIT_MS = 120_000;
const POLL_MS = 10;

export const walPosition = (database: Database): Promise<number> =>
  withSession(database, OPTIONS, async (session) => {
    const { rows } = await session.query<{ bytes: string }>(
      "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bytes",
    );
    return Number(rows[0]?.bytes);
  });

/** All WAL up to now. */
export const archiveWal = (database: Database, signal: AbortSignal): Promise<void> =>
  withSession(database, OPTIONS, async (session) => {
    // Without something written since the last switch there would be nothing to archive.
    await archiveUpTo(session, "pg_logical_emit_message(false, 'bench', 'archive')", signal);
  });

/** As Postgres's manual has it: a named place, and the segment that it lies in archived. */
export const placeNamedPoint = (database: Database, name: string, signal: AbortSignal): Promise<void> =>
  withSession(database, OPTIONS, (session) =>
    archiveUpTo(session, `pg_create_restore_point('${name}')`, signal),
  );

async function archiveUpTo(session: Session, place: string, signal: AbortSignal): Promise<void> {
  const { rows } = await session.query<{ segment: string }>(`SELECT pg_walfile_name(${place}) AS segment`);
  await session.query('SELECT pg_switch_wal()');
  const giveUpAt = Date.now() + LIMIT_MS;
  for (;;) {
    const { rows: archived } = await session.query<{ done: boolean }>(
      'SELECT coalesce(last_archived_wal >= $1, false) AS done FROM pg_stat_archiver',
      [rows[0]?.segment],
    );
    if (archived[0]?.done) return;
    if (Date.now() > giveUpAt) throw new Error(`segment ${rows[0]?.segment} does not reach the archive`);
    await sleep(POLL_MS, undefined, { signal });
  }
}
