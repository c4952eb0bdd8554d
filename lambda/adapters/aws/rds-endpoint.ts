/**
 * The application's database on RDS: its URL follows the instance's name, so a cut-over renames the serving instance
 * away and the restored one into its place. RDS knows no transaction over both: each call looks at what there is and
 * makes the next move only.
 */
import type { DBInstance, RDSClient } from '@aws-sdk/client-rds';
import { GodwitError } from '../../domain/errors';
import type { Clock } from '../../ports/clock';
import { type Database, DatabaseRefused, DatabaseUnreachable } from '../../ports/database';
import type { Endpoint, EndpointState } from '../../ports/endpoint';
import type { ObjectStore } from '../../ports/object-store';
import { isFenced, lowerFence, raiseFence } from '../postgres/write-fence';
import { Rds } from './rds-client';
import { identifierOf, SETTLED_TAG, tagOf } from './rds-names';
import { differencesOf, sentenceOf } from './rds-readiness';
import { type RefusalCode, wayOutOf } from './rds-refusals';
import { purposeOf } from './rds-settings';
import { instanceStateOf } from './rds-status';

export interface RdsEndpointOptions {
  readonly client: RDSClient;
  /** Identifier of the serving instance, on which the application's URL rests. */
  readonly instance: string;
  /** As the application reaches it. */
  readonly database: Database;
  readonly store: ObjectStore;
  readonly clock: Clock;
}

/** The instances are not as a cut-over leaves them at any point: a person must look. */
export class CutOverRefused extends GodwitError {
  override readonly name = 'CutOverRefused';
  readonly kind = 'unknown';

  constructor(reason: string) {
    super(`The cut-over stops: ${reason}. See docs/recovery.md, "Cut-over by hand".`);
  }
}

interface FenceRecord {
  readonly since: string;
  readonly reason: string;
}

export class RdsEndpoint implements Endpoint {
  readonly #rds: Rds;
  readonly #options: RdsEndpointOptions;

  constructor(options: RdsEndpointOptions) {
    this.#rds = new Rds(options.client);
    this.#options = options;
  }

  async inspect(): Promise<EndpointState> {
    const serving = await this.#rds.instance(this.#options.instance);
    if (serving === undefined)
      return { state: 'cutting-over', message: `nothing is called ${this.#options.instance}` };
    if (!isSettled(serving))
      return { state: 'cutting-over', message: `RDS reports ${serving.DBInstanceStatus}` };
    if (!(await isFenced(this.#options.database))) return { state: 'serving' };
    const stored = await this.#options.store.get(this.#fenceKey);
    const record = stored === undefined ? undefined : (JSON.parse(stored.body) as FenceRecord);
    return { state: 'fenced', since: record?.since ?? 'unknown', reason: record?.reason ?? 'unknown' };
  }

  async fence(reason: string): Promise<void> {
    const isNew = !(await isFenced(this.#options.database));
    // First: sessions that outlast the fence are told of by an error.
    if (isNew) await this.#remember({ since: this.#options.clock.now().toISOString(), reason });
    await raiseFence(this.#options.database);
  }

  async unfence(): Promise<void> {
    await lowerFence(this.#options.database);
  }

  async cutOver(instance: string, keepAs: string): Promise<'passed' | 'waiting'> {
    const ids = { serving: this.#options.instance, next: identifierOf(instance), kept: identifierOf(keepAs) };
    const [serving, next, kept] = await Promise.all([
      this.#rds.instance(ids.serving),
      this.#rds.instance(ids.next),
      this.#rds.instance(ids.kept),
    ]);
    for (const known of [serving, next, kept]) {
      if (known !== undefined && isMoving(known)) return 'waiting';
    }
    if (serving !== undefined && next !== undefined) {
      if (kept !== undefined)
        throw new CutOverRefused(`${ids.serving}, ${ids.next} and ${ids.kept} exist all three`);
      refuseUnready(serving, next);
      return this.#rename(ids.serving, ids.kept);
    }
    if (serving === undefined && next !== undefined) {
      // Between two names RDS may show an instance under neither: without the kept one nothing is moved.
      if (kept === undefined) return 'waiting';
      // The application is without a database now: one of the two gets its name, and what broke is told after.
      return this.#rename(isSettled(next) ? ids.next : ids.kept, ids.serving);
    }
    if (serving !== undefined && kept !== undefined) return this.#completeSwap(serving, kept);
    if (serving === undefined && kept !== undefined) return 'waiting';
    throw new CutOverRefused(`${ids.next} does not exist, and ${ids.serving} was not renamed to ${ids.kept}`);
  }

  async #rename(from: string, to: string): Promise<'waiting'> {
    const refused = await this.#rds.modify(from, { NewDBInstanceIdentifier: to });
    if (refused !== undefined && !PASSES.has(refused.code)) throw new CutOverRefused(wayOutOf(refused));
    return 'waiting';
  }

  /** The names are swapped: protect the new instance, stop the old one, and believe it when the URL leads to the new. */
  async #completeSwap(serving: DBInstance, kept: DBInstance): Promise<'passed' | 'waiting'> {
    const { instance } = this.#options;
    if (kept.DeletionProtection === true && serving.DeletionProtection !== true) {
      const refused = await this.#rds.modify(instance, { DeletionProtection: true });
      if (refused !== undefined && !PASSES.has(refused.code)) throw new CutOverRefused(wayOutOf(refused));
      return 'waiting';
    }
    if (await this.#isStillRunning(kept)) return 'waiting';
    return (await this.#leadsToUnfenced()) ? 'passed' : 'waiting';
  }

  /**
   * A primary with replicas cannot be stopped, nor can one that is broken: it stays, fenced. RDS starts a stopped instance
   * again after 7 days.
   */
  async #isStillRunning(kept: DBInstance): Promise<boolean> {
    if (kept.DBInstanceStatus === 'stopping') return true;
    if ((kept.ReadReplicaDBInstanceIdentifiers ?? []).length > 0 || !isSettled(kept)) return false;
    const refused = await this.#rds.stop(kept.DBInstanceIdentifier ?? '');
    if (refused !== undefined && !PASSES.has(refused.code)) throw new CutOverRefused(wayOutOf(refused));
    return true;
  }

  /**
   * For up to ten minutes the name may still resolve to the old instance. That one is fenced, and the fence was raised
   * after the restore point, so the new one is not.
   */
  async #leadsToUnfenced(): Promise<boolean> {
    try {
      return !(await isFenced(this.#options.database));
    } catch (error) {
      if (error instanceof DatabaseUnreachable || error instanceof DatabaseRefused) return false;
      throw error;
    }
  }

  async #remember(record: FenceRecord): Promise<void> {
    const stored = await this.#options.store.get(this.#fenceKey);
    const body = JSON.stringify(record);
    // A conflict means that somebody else fenced at the same moment: theirs is as true.
    await (stored === undefined
      ? this.#options.store.putIfAbsent(this.#fenceKey, body)
      : this.#options.store.putIfMatch(this.#fenceKey, body, stored.version));
  }

  get #fenceKey(): string {
    return `endpoints/${this.#options.instance}/fence.json`;
  }
}

/** RDS is at work on it, or the names have moved since the look: the next one shows another picture. */
const PASSES: ReadonlySet<RefusalCode> = new Set([
  'DBInstanceAlreadyExists',
  'DBInstanceNotFound',
  'InvalidDBInstanceState',
]);

/** Nothing is renamed before the restored instance is ready: until then the application loses nothing by it. */
function refuseUnready(serving: DBInstance, next: DBInstance): void {
  const id = next.DBInstanceIdentifier ?? '';
  if (!isSettled(next)) throw new CutOverRefused(`${id} is ${next.DBInstanceStatus}`);
  if (tagOf(next.TagList, SETTLED_TAG) === undefined)
    throw new CutOverRefused(
      `${id} was not made ready: its settings are not those of ${serving.DBInstanceIdentifier}`,
    );
  const differences = differencesOf(serving, next, purposeOf(id));
  if (differences.length > 0) throw new CutOverRefused(`${id} is not ready: ${sentenceOf(differences)}`);
}

const isSettled = (instance: DBInstance): boolean => instanceStateOf(instance).state === 'ready';

/** Renaming, rebooting and the like: the next look may show another picture. */
const isMoving = (instance: DBInstance): boolean => instanceStateOf(instance).state === 'creating';
