/** Composes the ports for the home that a command works in: the embedded cluster, or a server of somebody else. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { EmbeddedCluster } from '../lambda/adapters/embedded/cluster';
import { DiskCapacity } from '../lambda/adapters/embedded/disk-capacity';
import { EmbeddedEndpoint } from '../lambda/adapters/embedded/endpoint';
import { FileObjectStore } from '../lambda/adapters/embedded/file-object-store';
import { OutboxNotifier } from '../lambda/adapters/embedded/outbox-notifier';
import { EmbeddedRecovery } from '../lambda/adapters/embedded/recovery';
import { parseDatabaseUrl } from '../lambda/adapters/postgres/database-url';
import { ForeignEndpoint } from '../lambda/adapters/postgres/foreign-endpoint';
import { PgDatabase } from '../lambda/adapters/postgres/pg-database';
import { installedWasm } from '../lambda/adapters/prisma/installed-wasm';
import { WasmSchemaEngine } from '../lambda/adapters/prisma/wasm-schema-engine';
import { SystemClock } from '../lambda/adapters/system-clock';
import { GodwitError, messageOf } from '../lambda/domain/errors';
import type { Capacity } from '../lambda/ports/capacity';
import type { Database } from '../lambda/ports/database';
import type { Endpoint } from '../lambda/ports/endpoint';
import type { ObjectStore } from '../lambda/ports/object-store';
import type { Recovery } from '../lambda/ports/recovery';
import type { SchemaEngine } from '../lambda/ports/schema-engine';
import type { StepContext } from '../lambda/steps/context';
import { isStillOffered } from '../lambda/steps/needed-restore-point';
import { ClusterUse } from './cluster-use';
import type { CommandContext } from './command';

export interface Home {
  readonly database: Database;
  /** Names the database for people and in leases. */
  readonly label: string;
  readonly recovery: Recovery | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly capacity: Capacity | undefined;
  readonly store: ObjectStore;
  readonly engine: SchemaEngine;
  /** The application's URL, with its password. */
  readonly url: string;
}

export interface HomeOptions {
  /** The embedded cluster, whatever the environment says. */
  readonly embeddedOnly?: boolean;
  readonly port?: number;
  /** For those who bring it back: the cluster is opened although it does not start. */
  readonly evenIfLost?: boolean;
}

/** They share base backups, so an old one costs little more than the WAL since. */
const KEEP_RESTORE_POINTS = 10;

/** Starts what has to be started; the command's end stops that again. */
export async function openHome(context: CommandContext, options: HomeOptions = {}): Promise<Home> {
  const { databaseUrl } = context.options;
  if (databaseUrl === undefined || options.embeddedOnly) return embeddedHome(context, options);
  return (await isOurOwn(context, databaseUrl, options))
    ? embeddedHome(context, options)
    : serverHome(context, databaseUrl);
}

/** The URL that "godwit up" prints: under another name the cluster would have a second lease, and no restore points. */
async function isOurOwn(context: CommandContext, url: string, { evenIfLost }: HomeOptions): Promise<boolean> {
  const cluster = clusterOf(context);
  const status = await cluster.status();
  if (status.state === 'absent' || (status.state === 'stopped' && !evenIfLost)) return false;
  const given = parseDatabaseUrl(url);
  const own = status.state === 'running' ? parseDatabaseUrl(status.url) : (await cluster.database()).address;
  const isHere = given.host === 'localhost' || given.host === own.host;
  return isHere && given.port === own.port && given.database === own.database && given.user === own.user;
}

function serverHome(context: CommandContext, url: string): Home {
  const database = new PgDatabase(parseDatabaseUrl(url));
  return {
    database,
    label: labelOf(database),
    recovery: undefined,
    endpoint: new ForeignEndpoint(database),
    capacity: undefined,
    store: new FileObjectStore(context.options.dataDir),
    engine: engineOf(context),
    url,
  };
}

async function embeddedHome(context: CommandContext, options: HomeOptions): Promise<Home> {
  const cluster = clusterOf(context, options);
  const use = new ClusterUse(context.options.dataDir);
  await use.enter(context.command);
  context.atEnd(async () => {
    await use.leave();
    await cluster.stop({ unless: () => use.isNeeded() });
  });
  const { database, url } = await (options.evenIfLost
    ? startedOrLost(context, cluster)
    : cluster.ensureStarted());
  const store = new FileObjectStore(context.options.dataDir);
  const recovery = new EmbeddedRecovery(cluster, {
    keepRestorePoints: KEEP_RESTORE_POINTS,
    isNeeded: (restorePoint) => isStillOffered(store, restorePoint),
  });
  context.atEnd(() => recovery.close());
  return {
    database,
    // Not by its port, which may change: an interrupted run is found by this name.
    label: `embedded/${database.address.database}`,
    recovery,
    endpoint: new EmbeddedEndpoint(cluster),
    capacity: new DiskCapacity(context.options.dataDir),
    store,
    engine: engineOf(context),
    url,
  };
}

async function startedOrLost(
  context: CommandContext,
  cluster: EmbeddedCluster,
): Promise<Pick<Home, 'database' | 'url'>> {
  try {
    return await cluster.ensureStarted();
  } catch (error) {
    const isKnown = (await cluster.status()).state !== 'absent';
    if (!isKnown || !(error instanceof GodwitError) || error.kind === 'usage') throw error;
    context.terminal.note(`The cluster does not start, and is restored as it is: ${messageOf(error)}`);
    const database = await cluster.database();
    return { database, url: await database.connectionString() };
  }
}

export const clusterOf = (
  { options, invocation, terminal }: CommandContext,
  { port }: { port?: number } = {},
): EmbeddedCluster =>
  EmbeddedCluster.at(options.dataDir, {
    projectRoot: invocation.projectRoot,
    database: 'wedefidaily',
    log: (message) => terminal.note(message),
    ...(port === undefined ? {} : { port }),
  });

const engineOf = ({ invocation }: CommandContext): SchemaEngine =>
  new WasmSchemaEngine({ loadWasm: installedWasm(invocation.projectRoot) });

const labelOf = ({ address }: Database): string => `${address.host}:${address.port}/${address.database}`;

/** A Lambda's time limit has no meaning on one's own machine, but steps that part their work are tried here, too. */
const STEP_TIME_MS = 14 * 60_000;

export function stepContext(context: CommandContext, home: Home): StepContext {
  return {
    database: home.database,
    recovery: home.recovery,
    endpoint: home.endpoint,
    capacity: home.capacity,
    store: home.store,
    engine: home.engine,
    notifier: new OutboxNotifier(home.store, ({ audience, subject }) => {
      if (audience !== 'audit') context.terminal.note(`To ${audience}: ${subject}`);
    }),
    metrics: { record: () => undefined },
    clock: new SystemClock(),
    progress: { report: (event) => context.terminal.event(event) },
    owner: thisProcess,
    isOwnerGone,
    signal: context.signal,
    stepTimeMs: STEP_TIME_MS,
  };
}

/** A process id alone may be another process's after a restart: the random part tells this one from its namesakes. */
const thisProcess = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;

/** Only processes of this machine can be looked at; a lease from elsewhere has to expire. */
export function isOwnerGone(owner: string): boolean {
  const [host, pid] = owner.split(':');
  if (host !== hostname()) return false;
  if (owner !== thisProcess && Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
