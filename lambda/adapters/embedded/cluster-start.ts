/** Brings the serving server of a cluster up, or finds it running; the caller holds the cluster's lock. */
import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PgDatabase } from '../postgres/pg-database';
import { type Binaries, majorOf } from './binaries';
import {
  archiveOf,
  type ClusterFacts,
  currentLineage,
  freshFacts,
  type Home,
  homeAt,
  majorVersionIn,
  saveFacts,
} from './cluster-files';
import { ClusterDamaged, ClusterVersionMismatch, PortInUse, ServerFailed, wayBack } from './errors';
import { isThere, makeFolder, type Owner, writeAtomically } from './files';
import { initialize, writeComfortSettings } from './initdb';
import { freePort, isPortFreeWithin } from './ports';
import { pidExists } from './processes';
import { readPoints } from './recovery-records';
import { findRunning, startServer, stopServer, waitUntilReady } from './server';
import { addressSettings, archivingTo, type Durability } from './settings';

/** What it takes to run a server of this cluster. */
export interface ServerKit {
  readonly facts: ClusterFacts;
  readonly home: Home;
  readonly binaries: Binaries;
  readonly user: Owner | undefined;
}

interface StartOptions {
  readonly dataDir: string;
  readonly port: number | undefined;
  readonly durability: Durability;
  readonly log: (message: string) => void;
}

interface Started {
  readonly facts: ClusterFacts;
  readonly startedByUs: boolean;
}

const LOG_LIMIT_BYTES = 16 * 1_048_576;
const PORT_ATTEMPTS = 10;
const KILLED_GRACE_MS = 3_000;

interface SettleOptions {
  readonly home: string;
  readonly database: string;
  readonly port: number | undefined;
  readonly log: (message: string) => void;
}

export async function settleFacts(
  dataDir: string,
  { home, database, port, log }: SettleOptions,
): Promise<ClusterFacts> {
  if (home !== dataDir && (await isThere(homeAt(home).pgData))) await setAside(home, log);
  const facts = freshFacts(home, database, port ?? (await freePort()));
  await writeAtomically(homeAt(home).marker, `${facts.id}\n`, { mode: 0o644 });
  await saveFacts(dataDir, facts);
  return facts;
}

/**
 * Somebody deleted the data directory by hand, and with it the password of what lay elsewhere for it. It may still be
 * wanted, so it is not deleted.
 */
async function setAside(home: string, log: (message: string) => void): Promise<void> {
  const { pgData, log: serverLog } = homeAt(home);
  await stopServer(pgData, serverLog);
  const aside = `${home}-set-aside-${new Date()
    .toISOString()
    .replace(/[-:.TZ]/g, '')
    .slice(0, 14)}`;
  await rename(home, aside);
  await mkdir(home, { mode: 0o755 });
  log(
    `An earlier cluster of this folder, whose cluster.json is gone, lies in ${aside} now. Delete it when nobody misses it.`,
  );
}

export async function startOrJoin(kit: ServerKit, options: StartOptions): Promise<Started> {
  const running = await findRunning(kit.home.pgData);
  if (running !== undefined && (await answers(kit, running))) {
    if (options.port !== undefined && options.port !== running.port) {
      options.log(
        `The cluster runs on port ${running.port} already; port ${options.port} is used once it was stopped.`,
      );
    }
    return { facts: { ...kit.facts, port: running.port }, startedByUs: false };
  }
  const facts = await prepare(kit, options);
  return { facts: await start({ ...kit, facts }, options), startedByUs: true };
}

/** A server that was killed is still seen for a moment: one that ends while it is waited for does not run. */
async function answers(
  { facts, home }: ServerKit,
  { pid, port }: { readonly pid: number; readonly port: number },
): Promise<boolean> {
  try {
    await waitUntilReady(maintenanceOf({ ...facts, port }), home.pgData, pid, home.log);
    return true;
  } catch (error) {
    if (error instanceof ServerFailed && !pidExists(pid)) return false;
    throw error;
  }
}

/** Everything up to the point at which only a port is missing. */
async function prepare(kit: ServerKit, { dataDir, durability }: StartOptions): Promise<ClusterFacts> {
  const { home, binaries, user } = kit;
  let { facts } = kit;
  const major = await majorVersionIn(home.pgData);
  if (major === undefined || !/^\d+$/.test(major)) {
    if (facts.initialized) {
      throw new ClusterDamaged(home.folder, `${home.pgData} is gone or has no version in PG_VERSION`, {
        restorePoints: await restorePointsIn(home),
      });
    }
    await initialize({ home, facts, binaries, user, durability });
  } else if (major !== majorOf(binaries)) {
    throw new ClusterVersionMismatch(home.pgData, major, majorOf(binaries));
  }
  if (!facts.initialized) {
    facts = { ...facts, initialized: true };
    await saveFacts(dataDir, facts);
  }
  await writeComfortSettings(home.pgData, user, durability);
  await makeFolder(home.archives, 0o700, user);
  await makeFolder(archiveOf(home, currentLineage(facts).number), 0o700, user);
  await shortenLog(home.log);
  return facts;
}

async function start(kit: ServerKit, { dataDir, port: askedFor, log }: StartOptions): Promise<ClusterFacts> {
  let { facts } = kit;
  const wasKilled = await isThere(join(kit.home.pgData, 'postmaster.pid'));
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = askedFor ?? facts.port;
    const graceMs = wasKilled && attempt === 0 ? KILLED_GRACE_MS : 0;
    if ((await isPortFreeWithin(port, graceMs)) && (await startOn(kit, port)) === 'started') {
      if (facts.port !== port) {
        facts = { ...facts, port };
        await saveFacts(dataDir, facts);
      }
      return facts;
    }
    if (askedFor !== undefined) throw new PortInUse(askedFor);
    facts = { ...facts, port: await freePort() };
    await saveFacts(dataDir, facts);
    log(`Port ${port} was taken by another program: the cluster moves to port ${facts.port}.`);
  }
  throw new ServerFailed({
    problem: `${PORT_ATTEMPTS} ports in a row were taken while Postgres started`,
    logFile: kit.home.log,
    logTail: '',
  });
}

async function startOn(kit: ServerKit, port: number): Promise<'started' | 'port-taken'> {
  const { facts, home, binaries, user } = kit;
  try {
    const { outcome } = await startServer({
      pgData: home.pgData,
      binaries,
      user,
      logFile: home.log,
      database: maintenanceOf({ ...facts, port }),
      settings: {
        ...addressSettings(port),
        ...archivingTo(archiveOf(home, currentLineage(facts).number)),
      },
    });
    return outcome;
  } catch (error) {
    if (!(error instanceof ServerFailed)) throw error;
    const { problem, logFile, logTail } = error;
    const back = wayBack(await restorePointsIn(home));
    const wayOut = back === undefined ? undefined : `Where its files are damaged: ${back}`;
    throw new ServerFailed({ problem, logFile, logTail, wayOut, cause: error });
  }
}

const restorePointsIn = async (home: Home): Promise<readonly string[]> =>
  (await readPoints(home)).map(({ name }) => name);

/** Short patience: it is asked again and again. */
export const maintenanceOf = ({ port, user, password }: ClusterFacts): PgDatabase =>
  new PgDatabase({ host: '127.0.0.1', port, database: 'postgres', user, password, connectTimeoutMs: 5_000 });

/** One older log is kept. */
async function shortenLog(file: string): Promise<void> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size > LOG_LIMIT_BYTES) await rename(file, `${file}.old`);
}
