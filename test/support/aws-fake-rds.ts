/**
 * A strict stand-in for RDS: it keeps instances and snapshots, takes its time for every change, forgets on a restore
 * what RDS forgets, refuses what RDS refuses, and fails on a call that nobody expected.
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
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { mockClient } from 'aws-sdk-client-mock';

// The SDK warns of the Node version once a process, into the output of the tests.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** As the SDK throws it. */
export function awsError(name: string, status = 400, attempts = 1): Error {
  return Object.assign(new Error(`${name} (scripted)`), {
    name,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status, attempts },
  });
}

export const NOW = new Date('2026-03-01T12:00:00.000Z');
const DEFAULTS: DBInstance = {
  Engine: 'postgres',
  EngineVersion: '18.3',
  MultiAZ: false,
  DeletionProtection: false,
  IAMDatabaseAuthenticationEnabled: false,
  CopyTagsToSnapshot: false,
  VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-default' }],
  DBParameterGroups: [{ DBParameterGroupName: 'default.postgres18' }],
  OptionGroupMemberships: [{ OptionGroupName: 'default:postgres-18' }],
  DBSubnetGroup: { DBSubnetGroupName: 'default' },
  EnabledCloudwatchLogsExports: [],
  StorageType: 'gp3',
  AllocatedStorage: 100,
  PerformanceInsightsEnabled: false,
  MonitoringInterval: 0,
  TagList: [],
};

interface Change {
  looks: number;
  apply(): void;
}

export class FakeRds {
  readonly client = new RDSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  readonly instances = new Map<string, DBInstance>();
  readonly snapshots = new Map<string, DBSnapshot>();
  readonly mock = mockClient(this.client);
  /** How often a change is looked at before it is there. */
  looks = 1;
  pageSize = 2;
  /** The next look at this identifier finds nothing, as if it were made in the moment after. */
  hiddenOnce: string | undefined;
  readonly #changes = new Map<object, Change>();

  constructor() {
    this.mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    this.mock.on(DescribeDBInstancesCommand).callsFake(({ DBInstanceIdentifier: id, Marker }) => {
      if (id === undefined) return this.#page('DBInstances', [...this.instances.values()], Marker);
      return { DBInstances: [this.#look(this.#instance(id))] };
    });
    this.mock.on(DescribeDBSnapshotsCommand).callsFake(({ DBSnapshotIdentifier: id, Marker }) => {
      if (id === undefined) return this.#page('DBSnapshots', [...this.snapshots.values()], Marker);
      return { DBSnapshots: [this.#look(this.#snapshot(id))] };
    });
    this.mock.on(CreateDBSnapshotCommand).callsFake((input) => this.#createSnapshot(input));
    this.mock.on(RestoreDBInstanceFromDBSnapshotCommand).callsFake((input) => {
      const snapshot = this.#snapshot(input.DBSnapshotIdentifier);
      if (snapshot.Status !== 'available') throw awsError('InvalidDBSnapshotStateFault');
      if ('MaxAllocatedStorage' in input) throw awsError('InvalidParameterCombination');
      return this.#restore(input.DBInstanceIdentifier, input);
    });
    this.mock.on(RestoreDBInstanceToPointInTimeCommand).callsFake((input) => {
      const source = this.#instance(input.SourceDBInstanceIdentifier);
      if (input.RestoreTime.getTime() >= (source.LatestRestorableTime?.getTime() ?? 0)) {
        throw awsError('InvalidRestoreFault');
      }
      return this.#restore(input.TargetDBInstanceIdentifier, input);
    });
    this.mock.on(ModifyDBInstanceCommand).callsFake((input) => this.#modify(input));
    this.mock.on(AddTagsToResourceCommand).callsFake(({ ResourceName, Tags }) => {
      const instance = [...this.instances.values()].find(
        ({ DBInstanceArn }) => DBInstanceArn === ResourceName,
      );
      if (instance === undefined) throw awsError('DBInstanceNotFoundFault', 404);
      instance.TagList = [...(instance.TagList ?? []), ...Tags];
      return {};
    });
    this.mock.on(DeleteDBInstanceCommand).callsFake(({ DBInstanceIdentifier: id }) => {
      const instance = this.#instance(id);
      if (instance.DeletionProtection === true) throw awsError('InvalidParameterCombination');
      this.#change(instance, 'deleting', () => this.instances.delete(id));
      return {};
    });
    this.mock.on(StopDBInstanceCommand).callsFake(({ DBInstanceIdentifier: id }) => {
      const instance = this.#instance(id);
      if (instance.DBInstanceStatus !== 'available') throw awsError('InvalidDBInstanceStateFault');
      this.#change(instance, 'stopping', () => {
        instance.DBInstanceStatus = 'stopped';
      });
      return {};
    });
  }

  addInstance(id: string, fields: DBInstance = {}): DBInstance {
    const instance: DBInstance = {
      ...DEFAULTS,
      DBInstanceIdentifier: id,
      DBInstanceArn: `arn:aws:rds:eu-central-1:000000000000:db:${id}`,
      DBInstanceStatus: 'available',
      Endpoint: { Address: `${id}.example.eu-central-1.rds.amazonaws.com`, Port: 5432 },
      ...fields,
    };
    this.instances.set(id, instance);
    return instance;
  }

  /** Names of the calls that change something, in order. */
  get changes(): readonly string[] {
    return this.mock
      .calls()
      .map((call) => call.args[0].constructor.name.replace('Command', ''))
      .filter((name) => !name.startsWith('Describe'));
  }

  #createSnapshot(input: { DBSnapshotIdentifier: string; DBInstanceIdentifier: string; Tags: never }) {
    if (this.snapshots.has(input.DBSnapshotIdentifier)) throw awsError('DBSnapshotAlreadyExistsFault');
    if (this.#instance(input.DBInstanceIdentifier).DBInstanceStatus !== 'available') {
      throw awsError('InvalidDBInstanceStateFault');
    }
    const snapshot: DBSnapshot = { ...input, TagList: input.Tags, AllocatedStorage: 100, PercentProgress: 0 };
    this.snapshots.set(input.DBSnapshotIdentifier, snapshot);
    this.#change(snapshot, 'creating', () => {
      Object.assign(snapshot, { Status: 'available', PercentProgress: 100, SnapshotCreateTime: NOW });
    });
    return { DBSnapshot: { ...snapshot } };
  }

  /** What is not given is lost. */
  #restore(id: string, input: Record<string, unknown>) {
    if (this.instances.has(id)) throw awsError('DBInstanceAlreadyExistsFault');
    const given = Object.fromEntries(
      Object.entries(input).filter(([key, value]) => value !== undefined && key !== 'DBSnapshotIdentifier'),
    );
    const instance = this.addInstance(id, {
      ...given,
      DBInstanceIdentifier: id,
      ...(given.VpcSecurityGroupIds === undefined
        ? {}
        : {
            VpcSecurityGroups: (given.VpcSecurityGroupIds as string[]).map((group) => ({
              VpcSecurityGroupId: group,
            })),
          }),
      ...(given.DBParameterGroupName === undefined
        ? {}
        : { DBParameterGroups: [{ DBParameterGroupName: String(given.DBParameterGroupName) }] }),
      ...(given.OptionGroupName === undefined
        ? {}
        : { OptionGroupMemberships: [{ OptionGroupName: String(given.OptionGroupName) }] }),
      ...(given.DBSubnetGroupName === undefined
        ? {}
        : { DBSubnetGroup: { DBSubnetGroupName: String(given.DBSubnetGroupName) } }),
      IAMDatabaseAuthenticationEnabled: given.EnableIAMDatabaseAuthentication === true,
      EnabledCloudwatchLogsExports: (given.EnableCloudwatchLogsExports ?? []) as string[],
      TagList: (given.Tags ?? []) as never,
    });
    this.#change(instance, 'creating', () => {
      instance.DBInstanceStatus = 'available';
    });
    return { DBInstance: { ...instance } };
  }

  #modify(
    input: Record<string, unknown> & { DBInstanceIdentifier: string; NewDBInstanceIdentifier?: string },
  ) {
    const { DBInstanceIdentifier: id, NewDBInstanceIdentifier: newId, ApplyImmediately, ...settings } = input;
    if (ApplyImmediately !== true) throw new Error('would wait for the maintenance window');
    const instance = this.#instance(id);
    if (instance.DBInstanceStatus !== 'available') throw awsError('InvalidDBInstanceStateFault');
    if (newId !== undefined) {
      if (this.instances.has(newId)) throw awsError('DBInstanceAlreadyExistsFault');
      this.#change(instance, 'renaming', () => {
        this.instances.delete(id);
        this.addInstance(newId, { ...instance, DBInstanceIdentifier: newId, DBInstanceStatus: 'available' });
      });
      return {};
    }
    this.#change(instance, 'modifying', () => {
      const { EnablePerformanceInsights: insights, MasterUserPassword: _, ...plain } = settings;
      Object.assign(instance, plain, { DBInstanceStatus: 'available' });
      if (insights !== undefined) Object.assign(instance, { PerformanceInsightsEnabled: insights });
    });
    return {};
  }

  #change(thing: DBInstance | DBSnapshot, meanwhile: string, apply: () => void): void {
    if ('DBSnapshotIdentifier' in thing) thing.Status = meanwhile;
    else (thing as DBInstance).DBInstanceStatus = meanwhile;
    this.#changes.set(thing, { looks: this.looks, apply });
  }

  /** Shows the thing as it is; a change that was looked at often enough is there at the next look. */
  #look<T extends object>(thing: T): T {
    const shown = { ...thing };
    const change = this.#changes.get(thing);
    if (change !== undefined) {
      change.looks -= 1;
      if (change.looks <= 0) {
        this.#changes.delete(thing);
        change.apply();
      }
    }
    return shown;
  }

  #instance(id: string): DBInstance {
    const instance = this.hiddenOnce === id ? undefined : this.instances.get(id);
    this.hiddenOnce = undefined;
    if (instance === undefined) throw awsError('DBInstanceNotFoundFault', 404);
    return instance;
  }

  #snapshot(id: string): DBSnapshot {
    const snapshot = this.hiddenOnce === id ? undefined : this.snapshots.get(id);
    this.hiddenOnce = undefined;
    if (snapshot === undefined) throw awsError('DBSnapshotNotFoundFault', 404);
    return snapshot;
  }

  #page<T>(key: string, all: readonly T[], marker: string | undefined) {
    const from = Number(marker ?? 0);
    const next = from + this.pageSize;
    return { [key]: all.slice(from, next), ...(next < all.length ? { Marker: String(next) } : {}) };
  }
}
