/** How long a backup, a restore point and the way back take, and what the application notices: Godwit beside others. */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../lambda/adapters/embedded/files';
import { findServerUser } from '../lambda/adapters/embedded/server-user';
import { messageOf } from '../lambda/domain/errors';
import { type Database, withSession } from '../lambda/ports/database';
import { type BenchAnswer, type BenchOptions, reportOf } from './measure';
import type { Contestant } from './recovery/contestant';
import { Godwit } from './recovery/godwit';
import { type Measurement, measureRound, type RoundOptions } from './recovery/measure-round';
import { PeerCluster } from './recovery/peer-cluster';
import { findPeers, type Peers } from './recovery/peers';
import { PgBaseBackup } from './recovery/pg-basebackup';
import { PgBackRest } from './recovery/pgbackrest';
import { faultsOf, resultsOf } from './recovery/results';
import { tableOf } from './recovery/table';
import { TRANSFERS } from './recovery/writers';
import { untilAborted } from './stall/measure-run';
import { fill, INIT, type Sizes } from './stall/tables';

type Plan = Pick<RoundOptions, 'sizes' | 'beforeMs' | 'walBytes'> & { readonly rounds: number };

const WHOLE: Plan = {
  sizes: { wallets: 100_000, balances: 4_500_000 },
  beforeMs: 15_000,
  walBytes: 256e6,
  rounds: 3,
};

const QUICK: Plan = {
  sizes: { wallets: 10_000, balances: 300_000 },
  beforeMs: 2_000,
  walBytes: 64e6,
  rounds: 1,
};

type Around = Pick<BenchOptions, 'projectRoot' | 'signal' | 'tell'> & { readonly folder: string };

export async function benchRecovery({ quick, ...options }: BenchOptions): Promise<BenchAnswer> {
  const plan = quick ? QUICK : WHOLE;
  const peers = await findPeers(options.signal);
  for (const note of peers.notes) options.tell(note);
  const folder = await mkdtemp(join(tmpdir(), 'godwit-bench-'));
  // As root the servers run as another user, who has to pass.
  await chmod(folder, 0o755);
  try {
    return await compare(plan, peers, { ...options, folder });
  } finally {
    await removeTree(folder);
  }
}

async function compare(plan: Plan, peers: Peers, around: Around): Promise<BenchAnswer> {
  around.tell('Starting servers, and filling their tables');
  const godwit = await Godwit.start(around);
  let peerCluster: PeerCluster | undefined;
  try {
    await fillTables(godwit.database, plan.sizes, around.signal);
    const contestants: Contestant[] = [godwit];
    const faults: string[] = [];
    if (peers.postgres !== undefined) {
      try {
        peerCluster = await startPeers(peers.postgres, around);
        await fillTables(peerCluster.database, plan.sizes, around.signal);
        contestants.push(new PgBaseBackup(peerCluster));
        if (peers.pgBackRest !== undefined) contestants.push(new PgBackRest(peerCluster, peers.pgBackRest));
      } catch (error) {
        if (around.signal.aborted) throw error;
        faults.push(`Postgres ${peers.postgres.version} is not compared with: ${messageOf(error)}`);
      }
    }
    const { measurements, unmeasured } = await takeTurns(contestants, plan, around);
    const results = resultsOf(measurements);
    const report = reportOf('recovery', results, [...faultsOf(measurements), ...faults, ...unmeasured]);
    const about = aboutOf(plan, contestants, measurements);
    return { ...report, table: [...about, ...peers.notes.map(indented), ...tableOf(measurements, results)] };
  } finally {
    await peerCluster?.remove();
    await godwit.remove();
  }
}

const startPeers = async (
  postgres: NonNullable<Peers['postgres']>,
  { folder, signal }: Around,
): Promise<PeerCluster> =>
  PeerCluster.start({ folder: join(folder, 'peers'), postgres, user: await findServerUser(), signal });

const fillTables = (database: Database, sizes: Sizes, signal: AbortSignal): Promise<void> =>
  untilAborted(
    withSession(database, { applicationName: 'bench' }, async (session) => {
      await session.query(INIT.sql);
      await session.query(TRANSFERS);
      await fill(session, sizes);
    }),
    signal,
  );

/** In turned order in the next round: what drifts hits none of them alone. */
async function takeTurns(
  contestants: readonly Contestant[],
  { rounds, ...plan }: Plan,
  { projectRoot, signal, tell }: Around,
): Promise<{ measurements: readonly Measurement[]; unmeasured: readonly string[] }> {
  const measurements: Measurement[] = [];
  const unmeasured: string[] = [];
  const unusable = new Set<Contestant>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const contestant of round % 2 === 1 ? contestants : contestants.toReversed()) {
      if (unusable.has(contestant)) continue;
      try {
        const measured = await measureRound(contestant, { ...plan, projectRoot, round, signal });
        measurements.push(measured);
        tell(wordsOf(measured));
      } catch (error) {
        if (contestant instanceof Godwit || signal.aborted) throw error;
        // Installed, and yet not compared with: that must not look as if it were not installed.
        const fault = `${contestant.about} is not compared with: ${messageOf(error)}`;
        unusable.add(contestant);
        unmeasured.push(fault);
        tell(fault);
      }
    }
  }
  return { measurements, unmeasured };
}

/** What the figures are figures of. */
function aboutOf(
  { beforeMs, walBytes, rounds }: Plan,
  contestants: readonly Contestant[],
  measurements: readonly Measurement[],
): readonly string[] {
  const megabytes = Math.round((measurements[0]?.dataBytes ?? 0) / 1e6);
  return [
    `${megabytes} MB, ${rounds} round${rounds === 1 ? '' : 's'}; ${contestants.map(({ about }) => about).join(', ')}; the same ` +
      'rows, settings, disk and writers. Nobody compresses; fsync is on.',
    `Two writers and 100 requests a second (open loop, waits from when a request was due) for ${beforeMs / 1000} s before the ` +
      `backup and until ${walBytes / 1e6} MB of WAL from its beginning; (before) is as long a time before as the backup took.`,
  ].map(indented);
}

const indented = (line: string): string => `  ${line}`;

const wordsOf = ({ contestant, round, backupMs, during, before, restoreMs, rows }: Measurement): string =>
  `${contestant}, round ${round}: backup in ${Math.round(backupMs)} ms, worst stall ${Math.round(during.worstMs)} ms ` +
  `(before ${Math.round(before.worstMs)} ms), restored in ${Math.round(restoreMs)} ms, ${rows} rows compared`;
