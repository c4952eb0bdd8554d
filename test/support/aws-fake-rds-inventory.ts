/** What a stand-in for RDS holds: instances, snapshots, what is committed in them, and what goes on with them by the clock. */
import type { DBInstance, DBSnapshot } from '@aws-sdk/client-rds';
import { awsError } from './aws-error';
import { DEFAULTS } from './aws-fake-rds-settings';
import { TAKES, Timeline } from './aws-fake-rds-time';

export const NOW = new Date('2026-03-01T12:00:00.000Z');
const DAY = 86_400_000;

/** What Postgres on an instance holds, whatever the instance is called. */
export interface Contents {
  readonly marks: { readonly mark: string; readonly at: Date }[];
  password: string;
}

/** A status, how long it lasts, and what comes about at its end. */
type Phase = readonly [status: string, lasts: number, atEnd?: () => unknown];

export class RdsInventory {
  readonly time = new Timeline(NOW);
  readonly instances = new Map<string, DBInstance>();
  readonly snapshots = new Map<string, DBSnapshot>();
  readonly #contents = new Map<string, Contents>();
  readonly #unseenUntil = new WeakMap<object, Date>();
  readonly #busy = new WeakMap<DBInstance, { readonly turn: symbol; readonly until: number }>();
  #logsStoppedAt: Date | undefined;
  #resources = 0;

  /** As it stands after a long life. */
  addInstance(id: string, fields: DBInstance = {}): DBInstance {
    this.#resources += 1;
    const instance: DBInstance = {
      ...structuredClone(DEFAULTS),
      DBInstanceIdentifier: id,
      DBInstanceArn: arnOf('db', id),
      DbiResourceId: `db-${this.#resources}`,
      DBInstanceStatus: 'available',
      InstanceCreateTime: new Date(this.time.now().getTime() - 300 * DAY),
      Endpoint: endpointOf(id, 5432),
      ...fields,
    };
    this.instances.set(id, instance);
    this.fill(instance, { marks: [], password: 'old' });
    return instance;
  }

  contentsOf(instance: DBInstance): Contents {
    const contents = this.#contents.get(instance.DbiResourceId ?? '');
    if (contents === undefined) throw new Error(`${instance.DBInstanceIdentifier} holds nothing`);
    return contents;
  }

  /** Archiving gets no further than now, until it goes on. */
  stopLogs(): void {
    this.#logsStoppedAt = this.time.now();
  }

  goOnWithLogs(): void {
    this.#logsStoppedAt = undefined;
  }

  protected fill(instance: DBInstance, contents: Contents): void {
    this.#contents.set(instance.DbiResourceId ?? '', structuredClone(contents));
  }

  /** In steps of five minutes, five to ten minutes ago; nothing before the instance's own first backup. */
  protected latestRestorable({ BackupRetentionPeriod, InstanceCreateTime }: DBInstance): Date | undefined {
    if (!BackupRetentionPeriod || InstanceCreateTime === undefined) return undefined;
    const now = this.#logsStoppedAt ?? this.time.now();
    const latest = Math.floor((now.getTime() - TAKES.logs) / TAKES.logs) * TAKES.logs;
    return latest <= InstanceCreateTime.getTime() + TAKES.firstBackup ? undefined : new Date(latest);
  }

  protected earliestRestorable({ BackupRetentionPeriod: days = 0, InstanceCreateTime }: DBInstance): Date {
    return new Date(Math.max(InstanceCreateTime?.getTime() ?? 0, this.time.now().getTime() - days * DAY));
  }

  /** One status after the other, once those before are over. */
  protected phases(instance: DBInstance, ...phases: readonly Phase[]): void {
    const now = this.time.now().getTime();
    const turn = this.#busy.get(instance)?.turn ?? Symbol('turn');
    let start = Math.max(now, this.#busy.get(instance)?.until ?? now);
    const at = (ms: number, happen: () => unknown): void => {
      const inTurn = (): void => {
        if (this.#busy.get(instance)?.turn === turn) happen();
      };
      if (ms === now) inTurn();
      else this.time.after(ms - now, inTurn);
    };
    this.#busy.set(instance, { turn, until: start + phases.reduce((sum, [, lasts]) => sum + lasts, 0) });
    for (const [status, lasts, atEnd] of phases) {
      at(start, () => {
        instance.DBInstanceStatus = status;
      });
      start += lasts;
      if (atEnd !== undefined) at(start, atEnd);
    }
  }

  /** Whatever was going on with it is over. */
  protected interrupt(instance: DBInstance): void {
    this.#busy.delete(instance);
  }

  protected instance(id: unknown): DBInstance {
    const instance = this.instances.get(String(id));
    if (instance === undefined) throw awsError('DBInstanceNotFoundFault', 404);
    return instance;
  }

  protected available(id: unknown): DBInstance {
    const instance = this.instance(id);
    if (instance.DBInstanceStatus !== 'available') throw awsError('InvalidDBInstanceStateFault');
    return instance;
  }

  protected snapshot(id: unknown): DBSnapshot {
    const snapshot = this.snapshots.get(String(id));
    if (snapshot === undefined) throw awsError('DBSnapshotNotFoundFault', 404);
    return snapshot;
  }

  /** Made, but not shown yet. */
  protected hide(thing: object): void {
    this.#unseenUntil.set(thing, new Date(this.time.now().getTime() + TAKES.toBeSeen));
  }

  protected isSeen(thing: object): boolean {
    return (this.#unseenUntil.get(thing) ?? NOW) <= this.time.now();
  }

  protected seen<T extends object>(thing: T, absent: string): T {
    if (!this.isSeen(thing)) throw awsError(absent, 404);
    return thing;
  }
}

export const arnOf = (type: string, id: string): string =>
  `arn:aws:rds:eu-central-1:000000000000:${type}:${id}`;

export const endpointOf = (id: string, port: number | undefined) => ({
  Address: `${id}.example.eu-central-1.rds.amazonaws.com`,
  Port: port ?? 5432,
});
