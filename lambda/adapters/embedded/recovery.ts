/** Restore points, clones and restores of the embedded cluster, made in the background of this process. */
import type { Database } from '../../ports/database';
import type {
  ArchivingHealth,
  InstanceState,
  PlaceWish,
  Recovery,
  RecoveryTarget,
  RestorePoint,
  RestorePointState,
} from '../../ports/recovery';
import { probeArchiving } from './archive';
import { archivedUntil } from './archived-until';
import { Background } from './background';
import type { EmbeddedCluster } from './cluster';
import { archiveOf, currentLineage, entriesOf, type Home } from './cluster-files';
import { readPlan } from './cut-over-swap';
import { RecoveryRefused } from './errors';
import { lockHolder, withFileLock } from './file-lock';
import { makeFolder } from './files';
import { instanceDatabase, isServing, makeInstance, removeInstance } from './instances';
import { isAlive, isThisProcess, markOf, type ProcessMark, signal } from './processes';
import {
  checkName,
  describeTarget,
  type InstanceRecord,
  instanceData,
  pointLock,
  publicPoint,
  readInstance,
  readInstances,
  readPoint,
  readPoints,
} from './recovery-records';
import { makeRestorePoint } from './restore-points';
import { DEFAULT_LIMITS, type RecoveryLimits, type ServingCluster } from './serving';

export interface EmbeddedRecoveryOptions {
  readonly limits?: Partial<RecoveryLimits>;
  /** How many of the newest restore points are kept, with what they need. */
  readonly keepRestorePoints?: number;
}

const KEEP_RESTORE_POINTS = 3;
const LOCK_WAIT_MS = 5_000;

export class EmbeddedRecovery implements Recovery {
  readonly #cluster: EmbeddedCluster;
  readonly #limits: RecoveryLimits;
  readonly #keepRestorePoints: number;
  readonly #points = new Background();
  readonly #instances = new Background();
  /** Postmasters of the clones that this process made. */
  readonly #servers = new Map<string, ProcessMark>();
  #swept: Promise<void> | undefined;

  constructor(cluster: EmbeddedCluster, options: EmbeddedRecoveryOptions = {}) {
    this.#cluster = cluster;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#keepRestorePoints = options.keepRestorePoints ?? KEEP_RESTORE_POINTS;
    process.once('exit', this.#endServers);
  }

  async archiving(): Promise<ArchivingHealth> {
    const { kit, database } = await this.#serving();
    const folder = archiveOf(kit.home, currentLineage(kit.facts).number);
    return probeArchiving({ folder, serverLog: kit.home.log }, database);
  }

  async restorableUntil(): Promise<string | undefined> {
    return archivedUntil(await this.#serving());
  }

  async beginRestorePoint(name: string, wish?: PlaceWish): Promise<RestorePointState> {
    checkName(name);
    const serving = await this.#serving();
    const { home } = serving.kit;
    const state = await this.#pointState(home, name);
    if (state.state === 'ready' || state.state === 'creating') return state;
    if (!this.#points.isRunning(name)) {
      this.#points.begin(name, async (abort, progress) => {
        await makeFolder(home.restorePoints, 0o755, undefined);
        await withFileLock(pointLock(home, name), { waitMs: LOCK_WAIT_MS, signal: abort }, () =>
          makeRestorePoint(serving, name, {
            limits: this.#limits,
            keepRestorePoints: this.#keepRestorePoints,
            signal: abort,
            progress,
            log: this.#cluster.log,
            ...(wish && { wish }),
          }),
        );
      });
    }
    return { state: 'creating' };
  }

  async inspectRestorePoint(name: string): Promise<RestorePointState> {
    checkName(name);
    return this.#pointState((await this.#serving()).kit.home, name);
  }

  async listRestorePoints(): Promise<readonly RestorePoint[]> {
    return (await readPoints((await this.#serving()).kit.home)).map(publicPoint);
  }

  async beginInstance(name: string, target: RecoveryTarget): Promise<InstanceState> {
    checkName(name);
    const serving = await this.#serving();
    const { home } = serving.kit;
    await this.#refuseIfCutOver(name);
    const record = await readInstance(home, name);
    const state = await this.#instanceState(home, name, record);
    if (state.state === 'ready' || state.state === 'creating') {
      if (record !== undefined) refuseOtherTarget(record, target);
      return state;
    }
    if (!this.#instances.isRunning(name)) {
      this.#instances.begin(name, async (abort, progress) => {
        await makeInstance(serving, name, target, {
          limits: this.#limits,
          signal: abort,
          progress,
          launched: (pid) => this.#servers.set(name, markOf(pid)),
        });
      });
    }
    return { state: 'creating' };
  }

  async inspectInstance(name: string): Promise<InstanceState> {
    checkName(name);
    const { home } = (await this.#serving()).kit;
    return this.#instanceState(home, name, await readInstance(home, name));
  }

  async openInstance(name: string): Promise<Database> {
    const { kit } = await this.#serving();
    const record = await readInstance(kit.home, name);
    const { state } = await this.#instanceState(kit.home, name, record);
    if (record === undefined || state !== 'ready') {
      throw new RecoveryRefused(`Instance ${name}`, `it cannot be opened: it is ${state}`);
    }
    return instanceDatabase(kit.facts, record);
  }

  async discardInstance(name: string): Promise<void> {
    checkName(name);
    const { home } = (await this.#serving()).kit;
    await this.#refuseIfCutOver(name);
    await this.#instances.cancel(name, new RecoveryRefused(`Instance ${name}`, 'it was discarded'));
    this.#servers.delete(name);
    await removeInstance(home, name);
  }

  async listInstances(): Promise<readonly string[]> {
    const instances = await readInstances((await this.#serving()).kit.home);
    return instances.filter(({ owner }) => isAlive(owner)).map(({ name }) => name);
  }

  /** Ends what goes on in the background, and stops and deletes the instances that this process made. */
  async close(): Promise<void> {
    const reason = new RecoveryRefused('Recovery', 'it was closed');
    await Promise.all([this.#points.cancelAll(reason), this.#instances.cancelAll(reason)]);
    await this.#swept?.catch(() => undefined);
    const { home } = await this.#cluster.kit();
    const plan = await readPlan(this.#cluster.dataDir);
    for (const { name, owner } of await readInstances(home)) {
      if (isThisProcess(owner) && name !== plan?.instance) await removeInstance(home, name);
    }
    this.#servers.clear();
    process.removeListener('exit', this.#endServers);
  }

  /** The last resort where nobody closed us: the clones' servers end, their files go with the next sweep. */
  readonly #endServers = (): void => {
    for (const server of this.#servers.values()) {
      if (isAlive(server)) signal(server.pid, 'SIGQUIT');
    }
  };

  async #serving(): Promise<ServingCluster> {
    const kit = await this.#cluster.kit();
    this.#swept ??= this.#sweep(kit.home);
    await this.#swept;
    return {
      kit,
      database: await this.#cluster.database(),
      durable: this.#cluster.fsync,
      locked: (work) => this.#cluster.locked(work),
    };
  }

  /** Clones of processes that are gone: nobody else knows of them. What a cut-over is about to move stays. */
  #sweep(home: Home): Promise<void> {
    return this.#cluster.locked(async () => {
      const plan = await readPlan(this.#cluster.dataDir);
      for (const name of await entriesOf(home.instances)) {
        const record = await readInstance(home, name);
        if (name === plan?.instance || (record !== undefined && isAlive(record.owner))) continue;
        await removeInstance(home, name);
      }
    });
  }

  async #pointState(home: Home, name: string): Promise<RestorePointState> {
    const work = this.#points.state(name);
    if (work?.state === 'running') {
      const { doneBytes, totalBytes } = work.progress;
      return totalBytes === 0 ? { state: 'creating' } : { state: 'creating', doneBytes, totalBytes };
    }
    const point = await readPoint(home, name);
    if (point !== undefined) return { state: 'ready', restorePoint: publicPoint(point) };
    if (work?.state === 'failed') return work;
    const holder = await lockHolder(pointLock(home, name));
    return holder !== undefined && isAlive(holder) ? { state: 'creating' } : { state: 'absent' };
  }

  async #instanceState(home: Home, name: string, record: InstanceRecord | undefined): Promise<InstanceState> {
    const work = this.#instances.state(name);
    if (work?.state === 'running') {
      return work.progress.message === ''
        ? { state: 'creating' }
        : { state: 'creating', message: work.progress.message };
    }
    if (work?.state === 'failed') return work;
    if (record === undefined || !isAlive(record.owner)) return { state: 'absent' };
    if (record.state === 'creating') return { state: 'creating' };
    if (await isServing(home, name)) return { state: 'ready' };
    return {
      state: 'failed',
      reason: `its server has stopped; its log is in ${instanceData(home, name)}/..`,
    };
  }

  async #refuseIfCutOver(name: string): Promise<void> {
    if ((await readPlan(this.#cluster.dataDir))?.instance !== name) return;
    throw new RecoveryRefused(`Instance ${name}`, 'it is about to take the place of the cluster');
  }
}

function refuseOtherTarget({ name, target }: InstanceRecord, asked: RecoveryTarget): void {
  if (JSON.stringify(target) === JSON.stringify(asked)) return;
  throw new RecoveryRefused(
    `Instance ${name}`,
    `it exists already, recovered to another target (${describeTarget(target)}); discard it first`,
  );
}
