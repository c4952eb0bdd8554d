/** One round of one tool: a backup under writers, a restore point, a mishap, and the way back; proven row by row. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contents, differingTables, readContents } from '../../lambda/checks/table-content';
import { type Database, withSession } from '../../lambda/ports/database';
import { Child } from '../stall/child';
import { untilAborted } from '../stall/measure-run';
import { now, overlapping, type Sample, type Score, scoreOf } from '../stall/score';
import { BALANCE_ID, type Sizes, warm } from '../stall/tables';
import type { Contestant, ContestantName, Restored } from './contestant';
import { type Phases, phasesOf } from './phases';
import { runTool } from './tool';
import { archiveWal, walPosition } from './wal';

export interface RoundOptions {
  readonly projectRoot: string;
  readonly sizes: Sizes;
  /** The load goes on for so long before the backup. */
  readonly beforeMs: number;
  /** And, from the backup's beginning, at least until so much WAL was written: everybody has as much to replay. */
  readonly walBytes: number;
  readonly round: number;
  readonly signal: AbortSignal;
}

export interface Measurement {
  readonly contestant: ContestantName;
  readonly round: number;
  readonly dataBytes: number;
  readonly backupMs: number;
  /** Of the application, in as long a time before the backup. */
  readonly before: Score;
  readonly during: Score;
  readonly errors: readonly string[];
  /** Of a further restore point while the writers go on. */
  readonly pointMs: number;
  /** From the backup's beginning to the restore point that was returned to. */
  readonly walBytes: number;
  readonly restoreMs: number;
  readonly phases: Phases;
  readonly rows: number;
  /** Tables of the restored instance that are not as they were at the restore point. */
  readonly differing: readonly string[];
}

const OPTIONS = { applicationName: 'bench' } as const;
/** Requests and transactions in flight are to be few: it is waits that are measured, not how much the server can do. */
const LOAD = { ratePerSecond: 100, poolSize: 8, seed: 20251122 } as const;
const WAL_POLL_MS = 200;

export async function measureRound(contestant: Contestant, options: RoundOptions): Promise<Measurement> {
  const { database } = contestant;
  const { round, signal } = options;
  try {
    await contestant.prepare();
    await withSession(database, OPTIONS, warm);
    await settle(database, signal);
    const { walFrom, ...underLoad } = await backUpUnderLoad(contestant, options);
    const point = `target-${round}`;
    await contestant.placeRestorePoint(point);
    const walBytes = (await walPosition(database)) - walFrom;
    const atPoint = await contentsOf(database, signal);
    await haveMishap(database);
    await settle(database, signal);
    const { restored, ...restore } = await restoreTo(contestant, point);
    const differing = differingTables(atPoint, await contentsOf(restored.database, signal));
    return {
      contestant: contestant.name,
      round,
      dataBytes: await sizeOf(database),
      ...underLoad,
      walBytes,
      ...restore,
      rows: Object.values(atPoint).reduce((sum, { rows }) => sum + Number(rows), 0),
      differing,
    };
  } finally {
    await contestant.clear();
  }
}

async function backUpUnderLoad(
  contestant: Contestant,
  { projectRoot, sizes, beforeMs, walBytes, round, signal }: RoundOptions,
): Promise<
  Pick<Measurement, 'backupMs' | 'before' | 'during' | 'errors' | 'pointMs'> & { readonly walFrom: number }
> {
  const load = await Child.start(join(projectRoot, 'dist', 'bench-writers.mjs'));
  try {
    const url = await contestant.database.connectionString();
    await load.ask({ type: 'load', options: { ...LOAD, ...sizes, url } }, 'loading');
    await sleep(beforeMs, undefined, { signal });
    const walFrom = await walPosition(contestant.database);
    const from = now();
    await contestant.backUp();
    const to = now();
    await contestant.placeRestorePoint(`under-load-${round}`);
    const pointMs = now() - to;
    while ((await walPosition(contestant.database)) - walFrom < walBytes)
      await sleep(WAL_POLL_MS, undefined, { signal });
    const { samples } = await untilAborted(load.ask({ type: 'stop' }, 'samples'), signal);
    return { walFrom, backupMs: to - from, pointMs, ...scoresOf(samples, { from, to }) };
  } finally {
    await load.end();
  }
}

function scoresOf(
  samples: readonly Sample[],
  { from, to }: { readonly from: number; readonly to: number },
): Pick<Measurement, 'before' | 'during' | 'errors'> {
  return {
    // Requests that reach into the backup are the backup's.
    before: scoreOf(
      overlapping(samples, { from: from - (to - from), to: from }).filter(({ endedAt }) => endedAt < from),
    ),
    during: scoreOf(overlapping(samples, { from, to })),
    errors: samples.flatMap(({ error }) => error ?? []),
  };
}

async function restoreTo(
  contestant: Contestant,
  point: string,
): Promise<Pick<Measurement, 'restoreMs' | 'phases'> & { readonly restored: Restored }> {
  const [begun, from] = [Date.now(), now()];
  const restored = await contestant.restore(point);
  await withSession(restored.database, OPTIONS, (session) =>
    session.query(`SELECT "usdValue" FROM "TokenBalance" WHERE "id" = ${BALANCE_ID}`, [1]),
  );
  const restoreMs = now() - from;
  const served = Date.now();
  const phases = phasesOf(await readFile(restored.logFile, 'utf8'), { begun, served });
  return { restored, restoreMs, phases };
}

/** Nothing of what was before is still to be written, archived or flushed. */
async function settle(database: Database, signal: AbortSignal): Promise<void> {
  await withSession(database, OPTIONS, (session) => session.query('CHECKPOINT'));
  await archiveWal(database, signal);
  await runTool({ program: 'sync', args: [], user: undefined, signal });
}

/** What must not be there after the restore, and is archived as well. */
async function haveMishap(database: Database): Promise<void> {
  const { rowCount } = await withSession(database, OPTIONS, (session) =>
    session.query('DELETE FROM "Transfer"'),
  );
  if (rowCount === 0) throw new Error('the writers have written nothing that could be lost');
}

/** Nobody writes any more. */
const contentsOf = (database: Database, signal: AbortSignal): Promise<Contents> =>
  untilAborted(withSession(database, OPTIONS, readContents), signal);

const sizeOf = (database: Database): Promise<number> =>
  withSession(database, OPTIONS, async (session) => {
    const { rows } = await session.query<{ bytes: string }>(
      'SELECT sum(pg_database_size(oid)) AS bytes FROM pg_database',
    );
    return Number(rows[0]?.bytes);
  });
