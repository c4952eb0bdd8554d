/** The few RDS calls that Godwit makes: "not found" and refusals that must be expected are answers, all else is an error. */
import {
  AddTagsToResourceCommand,
  CreateDBSnapshotCommand,
  type CreateDBSnapshotCommandInput,
  type DBInstance,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  type RDSClient,
  RebootDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
  type RestoreDBInstanceFromDBSnapshotCommandInput,
  RestoreDBInstanceToPointInTimeCommand,
  type RestoreDBInstanceToPointInTimeCommandInput,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { callAws } from './call';
import { AwsAnswerUnusable } from './errors';
import { REFUSALS, type Refused } from './rds-refusals';

export class Rds {
  readonly #client: RDSClient;

  constructor(client: RDSClient) {
    this.#client = client;
  }

  /** `undefined` only where RDS says that there is none. */
  instance(identifier: string): Promise<DBInstance | undefined> {
    return callAws<DBInstance | undefined>(
      'rds',
      'DescribeDBInstances',
      async () =>
        (await this.#client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier })))
          .DBInstances?.[0],
      { DBInstanceNotFound: () => undefined },
    );
  }

  /** By what no rename changes. */
  instanceOfResource(resource: string): Promise<DBInstance | undefined> {
    return callAws('rds', 'DescribeDBInstances', async () => {
      const byResource = [{ Name: 'dbi-resource-id', Values: [resource] }];
      return (await this.#client.send(new DescribeDBInstancesCommand({ Filters: byResource })))
        .DBInstances?.[0];
    });
  }

  async instances(): Promise<readonly DBInstance[]> {
    return everyPage((marker) =>
      callAws('rds', 'DescribeDBInstances', async () => {
        const page = await this.#client.send(new DescribeDBInstancesCommand(marker));
        return { items: page.DBInstances ?? [], next: page.Marker };
      }),
    );
  }

  snapshot(identifier: string): Promise<DBSnapshot | undefined> {
    return callAws<DBSnapshot | undefined>(
      'rds',
      'DescribeDBSnapshots',
      async () =>
        (await this.#client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: identifier })))
          .DBSnapshots?.[0],
      { DBSnapshotNotFound: () => undefined },
    );
  }

  async manualSnapshots(): Promise<readonly DBSnapshot[]> {
    return everyPage((marker) =>
      callAws('rds', 'DescribeDBSnapshots', async () => {
        const page = await this.#client.send(
          new DescribeDBSnapshotsCommand({ SnapshotType: 'manual', ...marker }),
        );
        return { items: page.DBSnapshots ?? [], next: page.Marker };
      }),
    );
  }

  createSnapshot(input: CreateDBSnapshotCommandInput): Promise<Refused | undefined> {
    return change('CreateDBSnapshot', () => this.#client.send(new CreateDBSnapshotCommand(input)));
  }

  restoreSnapshot(input: RestoreDBInstanceFromDBSnapshotCommandInput): Promise<Refused | undefined> {
    return change('RestoreDBInstanceFromDBSnapshot', () =>
      this.#client.send(new RestoreDBInstanceFromDBSnapshotCommand(input)),
    );
  }

  restoreToTime(input: RestoreDBInstanceToPointInTimeCommandInput): Promise<Refused | undefined> {
    return change('RestoreDBInstanceToPointInTime', () =>
      this.#client.send(new RestoreDBInstanceToPointInTimeCommand(input)),
    );
  }

  /** At once, not in the next maintenance window. */
  modify(identifier: string, changes: Partial<ModifyDBInstanceCommandInput>): Promise<Refused | undefined> {
    return change('ModifyDBInstance', () =>
      this.#client.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: identifier, ApplyImmediately: true, ...changes }),
      ),
    );
  }

  reboot(identifier: string): Promise<Refused | undefined> {
    return change('RebootDBInstance', () =>
      this.#client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: identifier })),
    );
  }

  stop(identifier: string): Promise<Refused | undefined> {
    return change('StopDBInstance', () =>
      this.#client.send(new StopDBInstanceCommand({ DBInstanceIdentifier: identifier })),
    );
  }

  /** With its automated backups, and without a last snapshot. */
  delete(identifier: string): Promise<Refused | undefined> {
    return change('DeleteDBInstance', () =>
      this.#client.send(
        new DeleteDBInstanceCommand({
          DBInstanceIdentifier: identifier,
          SkipFinalSnapshot: true,
          DeleteAutomatedBackups: true,
        }),
      ),
    );
  }

  /** A tag of the same key is overwritten. */
  async tag(arn: string | undefined, key: string, value: string): Promise<void> {
    if (arn === undefined) throw new AwsAnswerUnusable('what is to be tagged has no ARN');
    const input = { ResourceName: arn, Tags: [{ Key: key, Value: value }] };
    await callAws('rds', 'AddTagsToResource', () => this.#client.send(new AddTagsToResourceCommand(input)));
  }
}

/** Answers `undefined` once RDS has accepted. */
const change = (operation: string, call: () => Promise<unknown>): Promise<Refused | undefined> =>
  callAws<Refused | undefined>(
    'rds',
    operation,
    async () => {
      await call();
      return undefined;
    },
    Object.fromEntries(REFUSALS.map((code) => [code, (cause: unknown) => ({ code, operation, cause })])),
  );

async function everyPage<T>(
  fetch: (marker: { Marker?: string }) => Promise<{ items: readonly T[]; next: string | undefined }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  do {
    const { items, next } = await fetch(marker === undefined ? {} : { Marker: marker });
    all.push(...items);
    marker = next;
  } while (marker !== undefined && marker !== '');
  return all;
}
