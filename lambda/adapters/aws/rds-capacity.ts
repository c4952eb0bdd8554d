/** How much of an RDS instance's storage is free, from its size and from what Postgres holds on it. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { Capacity } from '../../ports/capacity';
import { type Database, withSession } from '../../ports/database';
import { AwsAnswerUnusable } from './errors';
import { Rds } from './rds-client';

const USED = `
  SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn AND datname <> 'rdsadmin')
       + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()) AS bytes`;

/**
 * Autoscaling is not counted: it grows by steps, six hours apart. CloudWatch's FreeStorageSpace would be exact, and one
 * more endpoint in the VPC.
 */
export class RdsCapacity implements Capacity {
  readonly #rds: Rds;
  readonly #instance: string;
  readonly #database: Database;

  constructor(options: {
    readonly client: RDSClient;
    readonly instance: string;
    readonly database: Database;
  }) {
    this.#rds = new Rds(options.client);
    this.#instance = options.instance;
    this.#database = options.database;
  }

  async freeBytes(): Promise<number> {
    const gibibytes = (await this.#rds.instance(this.#instance))?.AllocatedStorage;
    if (gibibytes === undefined) throw new AwsAnswerUnusable(`${this.#instance} tells no AllocatedStorage`);
    const used = await withSession(
      this.#database,
      { applicationName: 'godwit-capacity', readOnly: true, statementTimeoutMs: 30_000 },
      async (session) => Number((await session.query<{ bytes: string }>(USED)).rows[0]?.bytes),
    );
    return Math.max(0, gibibytes * 2 ** 30 - used);
  }
}
