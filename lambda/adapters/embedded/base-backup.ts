/** Takes base backups of the running cluster: a copy of its files that WAL makes consistent. */
import { join } from 'node:path';
import { type Session, withSession } from '../../ports/database';
import { segmentsArrive } from './archive';
import { rememberFiles } from './backup-files';
import { readCapacities } from './capacities';
import { archiveOf, currentLineage, entriesOf } from './cluster-files';
import type { ServerKit } from './cluster-start';
import { copyLive } from './copy-tree';
import { makeFolder, nonce, removeTree, writeAtomically } from './files';
import { syncTree } from './initdb';
import { RecoveryRefused } from './recovery-errors';
import { type BaseBackup, baseBackupData, readBaseBackup, saveBaseBackup } from './recovery-records';
import { type RecoveryLimits, refuseReplaced, type ServingCluster } from './serving';
import { within } from './time-limit';

/** The checkpoint it begins with writes all that was changed since the last one. */
const STATEMENT_LIMIT_MS = 10 * 60_000;

export async function takeBaseBackup(
  serving: ServingCluster,
  options: {
    readonly limits: RecoveryLimits;
    readonly signal: AbortSignal;
    readonly report: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<BaseBackup> {
  const { kit } = serving;
  await makeFolder(kit.home.baseBackups, 0o755, undefined);
  await removeHalfMade(kit);
  const limit = {
    work: 'A base backup of the cluster',
    limitMs: options.limits.baseBackupMs,
    wayOut: 'What was copied of it is removed. Take the restore point again when the machine has less to do.',
    signal: options.signal,
  };
  const id = `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${nonce()}`;
  try {
    return await within(limit, (signal) =>
      withSession(
        serving.database,
        { applicationName: 'godwit-base-backup', statementTimeoutMs: STATEMENT_LIMIT_MS },
        (session) => copyWithin(serving, session, { ...options, id, signal }),
      ),
    );
  } catch (error) {
    await removeTree(join(kit.home.baseBackups, id));
    throw error;
  }
}

/** The backup lasts as long as its session: start, copy and stop belong to one. */
async function copyWithin(
  serving: ServingCluster,
  session: Session,
  { id, signal, report, limits }: Parameters<typeof takeBaseBackup>[1] & { id: string },
): Promise<BaseBackup> {
  const { kit, durable } = serving;
  await refuseReplaced(serving, 'Base backup');
  const lineage = currentLineage(kit.facts).number;
  const start = await one<{ lsn: string; segment: string; segmentBytes: string }>(
    session,
    `SELECT lsn::text, pg_walfile_name(lsn) AS segment,
            (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size') AS "segmentBytes"
       FROM pg_backup_start($1, fast => true) AS lsn`,
    [id],
  );
  const data = baseBackupData(kit.home, id);
  await makeFolder(join(kit.home.baseBackups, id), 0o755, undefined);
  const { bytes } = await copyLive({
    from: kit.home.pgData,
    to: data,
    owner: kit.user,
    durable,
    signal,
    report,
  });
  // The wait for the archive is ours: inside the function it knows no end when the archive is dead.
  const stop = await one<{ lsn: string; segment: string; labelfile: string; spcmapfile: string; at: Date }>(
    session,
    `SELECT lsn::text, pg_walfile_name(lsn) AS segment, labelfile, spcmapfile, clock_timestamp() AS at
       FROM pg_backup_stop(wait_for_archive => false)`,
  );
  await writeAtomically(join(data, 'backup_label'), stop.labelfile, { owner: kit.user });
  if (stop.spcmapfile.trim() !== '') {
    await writeAtomically(join(data, 'tablespace_map'), stop.spcmapfile, { owner: kit.user });
  }
  await rememberFiles(join(kit.home.baseBackups, id));
  if (durable) await syncTree(kit, data, signal);
  const segmentBytes = Number(start.segmentBytes);
  const folder = archiveOf(kit.home, lineage);
  const arrived = await segmentsArrive(
    { folder, serverLog: kit.home.log },
    session,
    { first: start.segment, last: stop.segment, segmentBytes },
    { limitMs: limits.archiveMs, signal },
  );
  if (!arrived) {
    throw new RecoveryRefused('Base backup', `WAL that was written meanwhile is missing in ${folder}`);
  }
  const backup: BaseBackup = {
    id,
    lineage,
    startLsn: start.lsn,
    startSegment: start.segment,
    stopLsn: stop.lsn,
    segmentBytes,
    finishedAt: stop.at.toISOString(),
    bytes,
    capacities: await readCapacities(session),
  };
  await saveBaseBackup(kit.home, backup);
  return backup;
}

/** Of processes that were killed; the caller is the only one who makes base backups now. */
async function removeHalfMade({ home }: ServerKit): Promise<void> {
  for (const id of await entriesOf(home.baseBackups)) {
    if ((await readBaseBackup(home, id)) === undefined) await removeTree(join(home.baseBackups, id));
  }
}

export async function one<Row>(session: Session, sql: string, values?: readonly unknown[]): Promise<Row> {
  const { rows } = await session.query<Row>(sql, values);
  const [row] = rows;
  if (row === undefined) throw new RecoveryRefused('Server', `no row came back from ${sql}`);
  return row;
}
