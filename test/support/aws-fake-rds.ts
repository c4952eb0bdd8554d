/**
 * A strict stand-in for RDS: it keeps instances, snapshots and what is committed in them, takes its time by a clock of its
 * own, forgets on a restore what RDS forgets, refuses what RDS refuses, and fails on a call that nobody expected.
 */
import {
  AddTagsToResourceCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  RebootDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { mockClient } from 'aws-sdk-client-mock';
import { awsError } from './aws-error';
import { arnOf, type Contents, endpointOf, RdsInventory } from './aws-fake-rds-inventory';
import { keptByBackups, modifyWith, restoreWith } from './aws-fake-rds-settings';
import { TAKES } from './aws-fake-rds-time';

export { awsError } from './aws-error';
export { NOW } from './aws-fake-rds-inventory';

// The SDK warns of the Node version once a process, into the output of the tests.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export interface FakeCall {
  readonly name: string;
  /** Counts all calls, from 0. */
  readonly index: number;
}

type Given = Record<string, unknown>;

export class FakeRds extends RdsInventory {
  readonly client = new RDSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  readonly mock = mockClient(this.client);
  pageSize = 2;
  quota = { instances: 40, snapshots: 100, storageGib: 100_000 };
  /** Parameters that RDS accepts and does not heed. */
  readonly ignored = new Set<string>();
  /** Whether a restored instance has to be rebooted before its parameters hold. */
  restoresPendingReboot = false;
  /** Throws before a call, or after it took effect. */
  fault: (call: FakeCall) => 'before' | 'after' | undefined = () => undefined;
  /** The next call of the name is refused by the error. */
  readonly refuseNext = new Map<string, Error>();

  readonly #backups = new Map<string, { readonly of: DBInstance; readonly holds: Contents }>();
  #calls = 0;

  constructor() {
    super();
    this.mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    const on = (
      command: { new (input: never): object; name: string },
      handle: (input: never) => object,
    ): void => {
      const name = command.name.replace('Command', '');
      this.mock.on(command as never).callsFake((input) => this.#call(name, () => handle(input as never)));
    };
    on(DescribeDBInstancesCommand, (input: Given) => this.#describeInstances(input));
    on(DescribeDBSnapshotsCommand, ({ DBSnapshotIdentifier: id, Marker }: Given) =>
      id === undefined
        ? this.#page('DBSnapshots', [...this.snapshots.values()], Marker)
        : {
            DBSnapshots: [structuredClone(this.seen(this.snapshot(id), 'DBSnapshotNotFoundFault'))],
          },
    );
    on(CreateDBSnapshotCommand, (input: Given) => this.#createSnapshot(input));
    on(RestoreDBInstanceFromDBSnapshotCommand, (input: Given) => this.#restoreSnapshot(input));
    on(RestoreDBInstanceToPointInTimeCommand, (input: Given) => this.#restoreToTime(input));
    on(ModifyDBInstanceCommand, (input: Given) => this.#modify(input));
    on(AddTagsToResourceCommand, (input: never) => this.#addTags(input));
    on(DeleteDBInstanceCommand, (input: Given) => this.#delete(input));
    on(StopDBInstanceCommand, ({ DBInstanceIdentifier: id }: Given) => {
      const instance = this.available(id);
      if ((instance.ReadReplicaDBInstanceIdentifiers ?? []).length > 0)
        throw awsError('InvalidDBInstanceStateFault');
      this.phases(instance, ['stopping', TAKES.stopping], ['stopped', 0]);
      return {};
    });
    on(RebootDBInstanceCommand, ({ DBInstanceIdentifier: id }: Given) => {
      const instance = this.available(id);
      this.phases(instance, ['rebooting', TAKES.rebooting, () => inSync(instance)], ['available', 0]);
      return {};
    });
  }

  /** Names of the calls that change something, in order. */
  get changes(): readonly string[] {
    return this.mock
      .calls()
      .map((call) => call.args[0].constructor.name.replace('Command', ''))
      .filter((name) => !name.startsWith('Describe'));
  }

  #call(name: string, handle: () => object): object {
    const fault = this.fault({ name, index: this.#calls });
    this.#calls += 1;
    const refusal = this.refuseNext.get(name);
    this.refuseNext.delete(name);
    if (refusal !== undefined) throw refusal;
    if (fault === 'before') throw awsError('ThrottlingException');
    if (fault === undefined) return handle();
    try {
      handle();
    } catch {
      // Refused, but nobody learns of it.
    }
    throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
  }

  #describeInstances({ DBInstanceIdentifier: id, Filters, Marker }: Given): object {
    const described = (instance: DBInstance): DBInstance => {
      const latest = this.latestRestorable(instance);
      return structuredClone({
        ...instance,
        ...(latest === undefined ? {} : { LatestRestorableTime: latest }),
      });
    };
    if (id !== undefined) {
      const instance = this.seen(this.instance(id), 'DBInstanceNotFoundFault');
      return { DBInstances: [described(instance)] };
    }
    const resources = (Filters as { Values: string[] }[] | undefined)?.flatMap(({ Values }) => Values);
    const all = [...this.instances.values()]
      .filter((instance) => this.isSeen(instance))
      .filter(({ DbiResourceId }) => resources?.includes(DbiResourceId ?? '') ?? true);
    return this.#page('DBInstances', all.map(described), Marker);
  }

  #createSnapshot({ DBSnapshotIdentifier, DBInstanceIdentifier, Tags, ...others }: Given): object {
    const id = checked(DBSnapshotIdentifier);
    if (Object.keys(others).length > 0) throw new Error(`unexpected ${Object.keys(others)}`);
    if (this.snapshots.has(id)) throw awsError('DBSnapshotAlreadyExistsFault');
    const source = this.available(DBInstanceIdentifier);
    if (this.snapshots.size >= this.quota.snapshots) throw awsError('SnapshotQuotaExceededFault');
    const snapshot: DBSnapshot = {
      DBSnapshotIdentifier: id,
      DBSnapshotArn: arnOf('snapshot', id),
      DBInstanceIdentifier: String(DBInstanceIdentifier),
      DbiResourceId: source.DbiResourceId ?? '',
      SnapshotType: 'manual',
      Status: 'creating',
      PercentProgress: 0,
      AllocatedStorage: source.AllocatedStorage ?? 0,
      TagList: (Tags ?? []) as never,
    };
    this.snapshots.set(id, snapshot);
    this.hide(snapshot);
    this.phases(source, ['backing-up', TAKES.backingUp], ['available', 0]);
    this.time.after(TAKES.snapshotMoment, () => {
      const holds = structuredClone(this.contentsOf(source));
      this.#backups.set(id, { of: structuredClone(source), holds });
      snapshot.SnapshotCreateTime = this.time.now();
    });
    this.time.after(TAKES.snapshot, () => {
      if (snapshot.Status === 'creating')
        Object.assign(snapshot, { Status: 'available', PercentProgress: 100 });
    });
    return { DBSnapshot: structuredClone(snapshot) };
  }

  #restoreSnapshot({ DBSnapshotIdentifier, DBInstanceIdentifier, ...settings }: Given): object {
    const snapshot = this.snapshot(DBSnapshotIdentifier);
    if (snapshot.Status !== 'available') throw awsError('InvalidDBSnapshotStateFault');
    const backup = this.#backups.get(String(DBSnapshotIdentifier));
    if (backup === undefined) throw awsError('InvalidRestoreFault');
    return this.#restore(checked(DBInstanceIdentifier), backup, settings);
  }

  #restoreToTime(input: Given): object {
    const { SourceDBInstanceIdentifier, TargetDBInstanceIdentifier, RestoreTime, ...settings } = input;
    const source = this.instance(SourceDBInstanceIdentifier);
    if (!['available', 'stopped', 'backing-up'].includes(source.DBInstanceStatus ?? ''))
      throw awsError('InvalidDBInstanceStateFault');
    if (!source.BackupRetentionPeriod) throw awsError('PointInTimeRestoreNotEnabledFault');
    // Sent without fractions of a second.
    const moment = new Date(Math.floor((RestoreTime as Date).getTime() / 1000) * 1000);
    const latest = this.latestRestorable(source);
    if (latest === undefined || moment >= latest || moment < this.earliestRestorable(source))
      throw awsError('InvalidRestoreFault');
    const marks = this.contentsOf(source).marks.filter(({ at }) => at <= moment);
    const holds = { marks, password: 'as it was then' };
    return this.#restore(checked(TargetDBInstanceIdentifier), { of: source, holds }, settings);
  }

  /** What is not given is lost. */
  #restore(id: string, backup: { of: DBInstance; holds: Contents }, settings: Given): object {
    if (this.instances.has(id)) throw awsError('DBInstanceAlreadyExistsFault');
    const kept = keptByBackups(backup.of);
    if (this.instances.size >= this.quota.instances) throw awsError('InstanceQuotaExceededFault');
    const used = [...this.instances.values()].reduce(
      (sum, { AllocatedStorage = 0 }) => sum + AllocatedStorage,
      0,
    );
    if (used + (kept.AllocatedStorage ?? 0) > this.quota.storageGib)
      throw awsError('StorageQuotaExceededFault');
    const tunes = 'Iops' in settings || 'StorageThroughput' in settings;
    if (tunes && settings.StorageType === 'gp3' && (kept.AllocatedStorage ?? 0) < 400)
      throw awsError('InvalidParameterCombination');
    const instance = this.addInstance(id, {
      ...kept,
      DBInstanceStatus: 'creating',
      InstanceCreateTime: this.time.now(),
    });
    delete instance.Endpoint;
    restoreWith(instance, this.#heeded(settings));
    if (this.restoresPendingReboot) pendingReboot(instance);
    this.fill(instance, backup.holds);
    this.hide(instance);
    this.phases(
      instance,
      [
        'creating',
        TAKES.creating,
        () => Object.assign(instance, { Endpoint: endpointOf(id, instance.DbInstancePort) }),
      ],
      ...(instance.BackupRetentionPeriod ? ([['backing-up', TAKES.firstBackup]] as const) : []),
      ['available', TAKES.toReact],
      ...(instance.PendingModifiedValues?.MultiAZ
        ? ([['modifying', TAKES.standby, () => standBy(instance)]] as const)
        : []),
      ['available', 0],
    );
    return { DBInstance: structuredClone(instance) };
  }

  #modify({ DBInstanceIdentifier, NewDBInstanceIdentifier, ApplyImmediately, ...settings }: Given): object {
    if (ApplyImmediately !== true) throw new Error('would wait for the maintenance window');
    const instance = this.available(DBInstanceIdentifier);
    if (NewDBInstanceIdentifier !== undefined)
      return this.#rename(instance, checked(NewDBInstanceIdentifier));
    const { MasterUserPassword: password, ...heeded } = this.#heeded(settings);
    if (settings.MonitoringInterval && !settings.MonitoringRoleArn && !instance.MonitoringRoleArn)
      throw awsError('InvalidParameterCombination');
    this.time.after(TAKES.toReact, () => {
      const setsPassword = password !== undefined;
      if (setsPassword) pend(instance, { MasterUserPassword: '****' });
      this.phases(
        instance,
        ['modifying', TAKES.modifying, () => modifyWith(instance, heeded)],
        ...(heeded.MonitoringInterval
          ? ([['configuring-enhanced-monitoring', TAKES.monitoring]] as const)
          : []),
        ...(setsPassword
          ? ([
              ['resetting-master-credentials', TAKES.password, () => this.#setPassword(instance, password)],
            ] as const)
          : []),
        ['available', 0],
      );
    });
    return {};
  }

  /** In force a moment after RDS says so. */
  #setPassword(instance: DBInstance, password: unknown): void {
    pend(instance, { MasterUserPassword: undefined });
    this.time.after(TAKES.passwordInForce, () => {
      this.contentsOf(instance).password = String(password);
    });
  }

  /** For a while neither name is there. */
  #rename(instance: DBInstance, to: string): object {
    if (this.instances.has(to)) throw awsError('DBInstanceAlreadyExistsFault');
    const { DBInstanceIdentifier: from = '', Endpoint } = instance;
    this.time.after(TAKES.toReact, () => {
      // Renamed by an earlier call meanwhile.
      if (instance.DBInstanceIdentifier !== from) return;
      this.phases(
        instance,
        ['renaming', TAKES.renaming, () => this.instances.delete(from)],
        [
          'renaming',
          TAKES.nameless,
          () => {
            Object.assign(instance, {
              DBInstanceIdentifier: to,
              DBInstanceArn: arnOf('db', to),
              Endpoint: endpointOf(to, Endpoint?.Port),
            });
            this.instances.set(to, instance);
          },
        ],
        ['rebooting', TAKES.rebooting],
        ['available', 0],
      );
    });
    return {};
  }

  #addTags({ ResourceName, Tags }: { ResourceName: string; Tags: { Key: string; Value: string }[] }): object {
    const tagged =
      [...this.instances.values()].find(({ DBInstanceArn }) => DBInstanceArn === ResourceName) ??
      [...this.snapshots.values()].find(({ DBSnapshotArn }) => DBSnapshotArn === ResourceName);
    if (tagged === undefined) throw awsError('DBInstanceNotFoundFault', 404);
    const keys = Tags.map(({ Key }) => Key);
    tagged.TagList = [...(tagged.TagList ?? []).filter(({ Key }) => !keys.includes(Key ?? '')), ...Tags];
    if (tagged.TagList.length > 50) throw awsError('InvalidParameterValue');
    return {};
  }

  #delete({ DBInstanceIdentifier, SkipFinalSnapshot }: Given): object {
    const instance = this.instance(DBInstanceIdentifier);
    if (SkipFinalSnapshot !== true) throw awsError('InvalidParameterCombination');
    if (instance.DeletionProtection === true) throw awsError('InvalidParameterCombination');
    if (['creating', 'deleting', 'renaming'].includes(instance.DBInstanceStatus ?? ''))
      throw awsError('InvalidDBInstanceStateFault');
    this.interrupt(instance);
    this.phases(instance, [
      'deleting',
      TAKES.deleting,
      () => this.instances.delete(String(instance.DBInstanceIdentifier)),
    ]);
    return {};
  }

  #heeded(settings: Given): Given {
    return Object.fromEntries(
      Object.entries(settings).filter(([key, value]) => value !== undefined && !this.ignored.has(key)),
    );
  }

  #page<T>(key: string, all: readonly T[], marker: unknown): object {
    const from = Number(marker ?? 0);
    const next = from + this.pageSize;
    return {
      [key]: structuredClone(all.slice(from, next)),
      ...(next < all.length ? { Marker: String(next) } : {}),
    };
  }
}

function checked(identifier: unknown): string {
  const id = String(identifier);
  if (id.length > 63 || !/^[a-z](-?[a-z0-9])*$/.test(id)) throw awsError('InvalidParameterValue');
  return id;
}

const pend = (instance: DBInstance, values: object): void => {
  instance.PendingModifiedValues = { ...instance.PendingModifiedValues, ...values };
};

const standBy = (instance: DBInstance): void => {
  instance.MultiAZ = true;
  pend(instance, { MultiAZ: undefined });
};

const withApplyStatus = (instance: DBInstance, status: string): void => {
  instance.DBParameterGroups = (instance.DBParameterGroups ?? []).map((group) => ({
    ...group,
    ParameterApplyStatus: status,
  }));
};
const inSync = (instance: DBInstance): void => withApplyStatus(instance, 'in-sync');
const pendingReboot = (instance: DBInstance): void => withApplyStatus(instance, 'pending-reboot');
