/**
 * Restore points, clones and restores on RDS.
 *
 * A restore point is a manual snapshot: it stands by itself, is restored without replaying WAL, and outlives the
 * automated backups. A target in time is a point-in-time restore from those. Both make a new instance, whose settings
 * are completed in two moves: with the restore call, and by the inspection that first finds it available.
 */
import {
  AddTagsToResourceCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  DeleteDBInstanceCommand,
  type RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import type { Clock } from '../../ports/clock';
import type { Database } from '../../ports/database';
import type {
  ArchivingHealth,
  InstanceState,
  Recovery,
  RecoveryTarget,
  RestorePoint,
  RestorePointState,
} from '../../ports/recovery';
import type { DatabaseCredentials } from '../../ports/secrets';
import { callAws } from './call';
import { AwsAnswerUnusable } from './errors';
import { Rds } from './rds-client';
import {
  DATABASE_TAG,
  identifierOf,
  isDisposable,
  isMadeFrom,
  isRehearsal,
  NotDisposable,
  nameOf,
  SETTLED_TAG,
  tagOf,
} from './rds-names';
import { type Purpose, settingsAfterRestore, settingsForRestore } from './rds-settings';
import { instanceStateOf, restorePointStateOf } from './rds-status';

export interface RdsRecoveryOptions {
  readonly client: RDSClient;
  /** Identifier of the serving instance. */
  readonly instance: string;
  readonly clock: Clock;
  readonly credentials: () => Promise<DatabaseCredentials>;
  readonly databaseAt: (host: string, port: number, secretArn?: string) => Database;
}

/** Logs reach S3 every five minutes; twice that is late. */
const LATEST_LAG_MS = 10 * 60_000;

export class RdsRecovery implements Recovery {
  readonly #rds: Rds;
  readonly #options: RdsRecoveryOptions;

  constructor(options: RdsRecoveryOptions) {
    this.#rds = new Rds(options.client);
    this.#options = options;
  }

  async archiving(): Promise<ArchivingHealth> {
    const { BackupRetentionPeriod: days = 0, LatestRestorableTime: latest } = await this.#serving();
    if (days === 0)
      return { healthy: false, evidence: 'automated backups are off (BackupRetentionPeriod is 0)' };
    if (latest === undefined) return { healthy: false, evidence: 'RDS tells no LatestRestorableTime yet' };
    const lag = this.#options.clock.now().getTime() - latest.getTime();
    return {
      healthy: lag <= LATEST_LAG_MS,
      evidence: `restorable up to ${latest.toISOString()}, ${Math.round(lag / 1000)} s ago; kept for ${days} days`,
    };
  }

  async restorableUntil(): Promise<string | undefined> {
    return (await this.#serving()).LatestRestorableTime?.toISOString();
  }

  async beginRestorePoint(name: string): Promise<RestorePointState> {
    const known = await this.inspectRestorePoint(name);
    if (known.state !== 'absent') return known;
    return callAws<RestorePointState>(
      'rds',
      'CreateDBSnapshot',
      async () => {
        const { DBSnapshot } = await this.#rds.client.send(
          new CreateDBSnapshotCommand({
            DBInstanceIdentifier: this.#options.instance,
            DBSnapshotIdentifier: identifierOf(name),
            Tags: [{ Key: DATABASE_TAG, Value: this.#options.instance }],
          }),
        );
        if (DBSnapshot === undefined) throw new AwsAnswerUnusable('CreateDBSnapshot answered no snapshot');
        return restorePointStateOf(DBSnapshot);
      },
      {
        DBSnapshotAlreadyExists: () => this.inspectRestorePoint(name),
        // Being backed up or modified: the next inspection finds none, and begins again.
        InvalidDBInstanceState: () => ({ state: 'creating' }),
      },
    );
  }

  async inspectRestorePoint(name: string): Promise<RestorePointState> {
    const snapshot = await this.#rds.snapshot(identifierOf(name));
    return snapshot === undefined ? { state: 'absent' } : restorePointStateOf(snapshot);
  }

  async listRestorePoints(): Promise<readonly RestorePoint[]> {
    const snapshots = await this.#rds.manualSnapshots();
    return snapshots
      .filter((snapshot) =>
        isMadeFrom(this.#options.instance, snapshot.DBSnapshotIdentifier, snapshot.TagList),
      )
      .map(restorePointStateOf)
      .flatMap((state) => (state.state === 'ready' ? [state.restorePoint] : []))
      .sort((left, right) => right.at.localeCompare(left.at));
  }

  async beginInstance(name: string, target: RecoveryTarget): Promise<InstanceState> {
    const known = await this.inspectInstance(name);
    if (known.state !== 'absent') return known;
    if (target.kind === 'lsn') {
      return { state: 'failed', reason: 'RDS recovers to restore points and to times, not to an LSN' };
    }
    const identifier = identifierOf(name);
    const source = await this.#serving();
    return callAws<InstanceState>(
      'rds',
      'RestoreDBInstance',
      async () => {
        await this.#restore(identifier, source, target);
        return { state: 'creating' };
      },
      {
        DBInstanceAlreadyExists: () => this.inspectInstance(name),
        DBSnapshotNotFound: () => ({
          state: 'failed',
          reason: `there is no restore point ${describe(target)}`,
        }),
        InvalidDBSnapshotState: () => ({
          state: 'failed',
          reason: `the restore point ${describe(target)} is not ready`,
        }),
        InvalidRestore: (error) => ({ state: 'failed', reason: String((error as Error).message) }),
        PointInTimeRestoreNotEnabled: () => ({ state: 'failed', reason: 'automated backups are off' }),
        // Busy: the next inspection finds no instance, and begins again.
        InvalidDBInstanceState: () => ({
          state: 'creating',
          message: 'RDS is busy with the serving instance',
        }),
      },
    );
  }

  async inspectInstance(name: string): Promise<InstanceState> {
    const identifier = identifierOf(name);
    const instance = await this.#rds.instance(identifier);
    if (instance === undefined) return { state: 'absent' };
    const state = instanceStateOf(instance);
    if (state.state !== 'ready') return state;
    if (tagOf(instance.TagList, SETTLED_TAG) === undefined) return this.#settle(identifier, instance);
    return instance.PendingModifiedValues?.MasterUserPassword === undefined
      ? state
      : { state: 'creating', message: 'its password is being set' };
  }

  async openInstance(name: string): Promise<Database> {
    const instance = await this.#rds.instance(identifierOf(name));
    const { Address: host, Port: port } = instance?.Endpoint ?? {};
    if (host === undefined || port === undefined)
      throw new AwsAnswerUnusable(`instance ${name} has no endpoint`);
    return this.#options.databaseAt(host, port, instance?.MasterUserSecret?.SecretArn);
  }

  async discardInstance(name: string): Promise<void> {
    const identifier = identifierOf(name);
    if (!isDisposable(identifier)) throw new NotDisposable(identifier, 'only clones and unused restores are');
    const instance = await this.#rds.instance(identifier);
    if (instance === undefined || instance.DBInstanceStatus === 'deleting') return;
    if (!isMadeFrom(this.#options.instance, identifier, instance.TagList)) {
      throw new NotDisposable(
        identifier,
        `it does not carry the tag ${DATABASE_TAG}=${this.#options.instance}`,
      );
    }
    // Half-way through a cut-over the restored instance is the one that is about to serve.
    if (!isRehearsal(identifier) && (await this.#rds.instance(this.#options.instance)) === undefined) {
      throw new NotDisposable(
        identifier,
        `no instance is called ${this.#options.instance}: a cut-over is under way`,
      );
    }
    await callAws<unknown>(
      'rds',
      'DeleteDBInstance',
      () =>
        this.#rds.client.send(
          new DeleteDBInstanceCommand({
            DBInstanceIdentifier: identifier,
            SkipFinalSnapshot: true,
            DeleteAutomatedBackups: true,
          }),
        ),
      { DBInstanceNotFound: () => undefined },
    );
  }

  async listInstances(): Promise<readonly string[]> {
    return (await this.#rds.instances())
      .filter(({ DBInstanceIdentifier: id, TagList }) => isMadeFrom(this.#options.instance, id, TagList))
      .map(({ DBInstanceIdentifier: id }) => nameOf(id ?? ''))
      .sort();
  }

  async #serving(): Promise<DBInstance> {
    const instance = await this.#rds.instance(this.#options.instance);
    if (instance === undefined) throw new AwsAnswerUnusable(`there is no instance ${this.#options.instance}`);
    return instance;
  }

  async #restore(
    identifier: string,
    source: DBInstance,
    target: Exclude<RecoveryTarget, { kind: 'lsn' }>,
  ): Promise<void> {
    const settings = settingsForRestore(source, purposeOf(identifier));
    if (target.kind === 'restore-point') {
      await this.#rds.client.send(
        new RestoreDBInstanceFromDBSnapshotCommand({
          ...settings,
          DBInstanceIdentifier: identifier,
          DBSnapshotIdentifier: identifierOf(target.name),
        }),
      );
      return;
    }
    await this.#rds.client.send(
      new RestoreDBInstanceToPointInTimeCommand({
        ...settings,
        SourceDBInstanceIdentifier: this.#options.instance,
        TargetDBInstanceIdentifier: identifier,
        RestoreTime: new Date(target.at),
        ...(source.MaxAllocatedStorage === undefined
          ? {}
          : { MaxAllocatedStorage: source.MaxAllocatedStorage }),
      }),
    );
  }

  /** Modified first and tagged after: a crash between the two modifies once more, which changes nothing. */
  async #settle(identifier: string, instance: DBInstance): Promise<InstanceState> {
    const source = await this.#serving();
    const { password } = await this.#options.credentials();
    await this.#rds.modify(identifier, settingsAfterRestore(source, purposeOf(identifier), password));
    await callAws('rds', 'AddTagsToResource', () =>
      this.#rds.client.send(
        new AddTagsToResourceCommand({
          ResourceName: instance.DBInstanceArn,
          Tags: [{ Key: SETTLED_TAG, Value: this.#options.clock.now().toISOString() }],
        }),
      ),
    );
    return { state: 'creating', message: 'settings that a restore cannot set are being applied' };
  }
}

const purposeOf = (identifier: string): Purpose => (isRehearsal(identifier) ? 'rehearsal' : 'restore');

function describe(target: RecoveryTarget): string {
  switch (target.kind) {
    case 'restore-point':
      return target.name;
    case 'time':
      return target.at;
    case 'lsn':
      return `LSN ${target.lsn}`;
  }
}
