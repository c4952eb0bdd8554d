/** Restore points, clones and restores of the embedded cluster, made in the background of this process. */
import { messageOf } from '../../domain/errors';
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
import { archiveOf, currentLineage, entriesOf, type Home, homeAt, readFacts } from './cluster-files';
import { readPlan } from './cut-over-swap';
import { lockHolder, withFileLock } from './file-lock';
import { makeFolder } from './files';
import { instanceDatabase, isServing, makeInstance, refuseOtherTarget, removeInstance } from './instances';
import { isAlive, isThisProcess, markOf, type ProcessMark, signal } from './processes';
import { RecoveryRefused } from './recovery-errors';
import {
  checkName,
  type InstanceRecord,
  instanceData,
  instanceFolder,
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
  /** Asked about older ones: whether somebody is promised a return to it, so that it is kept all the same. */
  readonly isNeeded?: (restorePoint: string) => Promise<boolean>;
}

const KEEP_RESTORE_POINTS = 3;

export class EmbeddedRecovery implements Recovery {
  readonly #cluster: EmbeddedCluster;
  readonly #limits: RecoveryLimits;
  readonly #keepRestorePoints: number;
  readonly #isNeeded: (restorePoint: string) => Promise<boolean>;
  readonly #points = new Background();
  readonly #instances = new Background();
  /** Postmasters of the clones that this process made. */
  readonly #servers = new Map<string, ProcessMark>();
  #swept: Promise<void> | undefined;

  constructor(cluster: EmbeddedCluster, options: EmbeddedRecoveryOptions = {}) {
    this.#cluster = cluster;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#keepRestorePoints = options.keepRestorePoints ?? KEEP_RESTORE_POINTS;
    this.#isNeeded = options.isNeeded ?? (async () => false);
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
        const waiting = { waitMs: this.#limits.baseBackupMs, signal: abort };
        await withFileLock(pointLock(home, name), waiting, () =>
          makeRestorePoint(serving, name, {
            limits: this.#limits,
            keepRestorePoints: this.#keepRestorePoints,
            isNeeded: this.#isNeeded,
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
    // Whoever plans a cut-over holds the same lock.
    await this.#cluster.locked(async () => {
      await this.#refuseIfCutOver(name);
      await removeInstance(home, name);
    });
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
    const facts = await readFacts(this.#cluster.dataDir);
    if (facts !== undefined) await this.#removeOwn(homeAt(facts.home));
    this.#servers.clear();
    process.removeListener('exit', this.#endServers);
  }

  async #removeOwn(home: Home): Promise<void> {
    const own = (await readInstances(home)).filter(({ owner }) => isThisProcess(owner));
    if (own.length === 0) return;
    await this.#cluster.locked(async () => {
      const plan = await readPlan(this.#cluster.dataDir);
      for (const { name } of own) if (name !== plan?.instance) await removeInstance(home, name);
    });
  }

  /** The last resort where nobody closed us: the clones' servers end, their files go with the next sweep. */
  readonly #endServers = (): void => {
    for (const server of this.#servers.values()) {
      if (isAlive(server)) signal(server.pid, 'SIGQUIT');
    }
  };

  async #serving(): Promise<ServingCluster> {
    const kit = await this.#cluster.kit();
    this.#swept ??= this.#sweep(kit.home).catch((error: unknown) => {
      this.#swept = undefined;
      throw error;
    });
    await this.#swept;
    return {
      kit,
      database: await this.#cluster.database(),
      durable: this.#cluster.fsync,
      locked: (work) => this.#cluster.locked(work),
      refreshed: () => this.#serving(),
    };
  }

  /**
   * Clones of processes that are gone: nobody else knows of them. What a cut-over is about to move stays, and so does
   * what cannot be removed: it is in the way of nobody.
   */
  #sweep(home: Home): Promise<void> {
    return this.#cluster.locked(async () => {
      const plan = await readPlan(this.#cluster.dataDir);
      for (const name of await entriesOf(home.instances)) {
        try {
          const record = await readInstance(home, name);
          if (name === plan?.instance || (record !== undefined && isAlive(record.owner))) continue;
          await removeInstance(home, name);
        } catch (error) {
          this.#cluster.log(
            `What is left of instance ${name} could not be cleared away (${messageOf(error)}): remove ${instanceFolder(home, name)} by hand.`,
          );
        }
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
