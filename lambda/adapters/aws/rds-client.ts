/** The few RDS calls that Godwit makes, with "not found" as an answer and everything else as an error. */
import {
  type DBInstance,
  type DBSnapshot,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { callAws } from './call';

export class Rds {
  readonly client: RDSClient;

  constructor(client: RDSClient) {
    this.client = client;
  }

  /** `undefined` only where RDS says that there is none. */
  instance(identifier: string): Promise<DBInstance | undefined> {
    return callAws<DBInstance | undefined>(
      'rds',
      'DescribeDBInstances',
      async () =>
        (await this.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier })))
          .DBInstances?.[0],
      { DBInstanceNotFound: () => undefined },
    );
  }

  async instances(): Promise<readonly DBInstance[]> {
    return everyPage((marker) =>
      callAws('rds', 'DescribeDBInstances', async () => {
        const page = await this.client.send(new DescribeDBInstancesCommand(marker));
        return { items: page.DBInstances ?? [], next: page.Marker };
      }),
    );
  }

  snapshot(identifier: string): Promise<DBSnapshot | undefined> {
    return callAws<DBSnapshot | undefined>(
      'rds',
      'DescribeDBSnapshots',
      async () =>
        (await this.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: identifier })))
          .DBSnapshots?.[0],
      { DBSnapshotNotFound: () => undefined },
    );
  }

  async manualSnapshots(): Promise<readonly DBSnapshot[]> {
    return everyPage((marker) =>
      callAws('rds', 'DescribeDBSnapshots', async () => {
        const page = await this.client.send(
          new DescribeDBSnapshotsCommand({ SnapshotType: 'manual', ...marker }),
        );
        return { items: page.DBSnapshots ?? [], next: page.Marker };
      }),
    );
  }

  /** At once, not in the next maintenance window. */
  async modify(identifier: string, changes: Partial<ModifyDBInstanceCommandInput>): Promise<void> {
    await callAws('rds', 'ModifyDBInstance', () =>
      this.client.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: identifier, ApplyImmediately: true, ...changes }),
      ),
    );
  }
}

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
