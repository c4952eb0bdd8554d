/** Rows by which a test tells one state of a database from another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { entriesOf } from '../../lambda/adapters/embedded/cluster-files';
import { EmbeddedRecovery, type EmbeddedRecoveryOptions } from '../../lambda/adapters/embedded/recovery';
import { type Database, withSession } from '../../lambda/ports/database';
import type { RecoveryTarget } from '../../lambda/ports/recovery';
import type { RecoveryUnderTest } from '../contract/recovery.contract';
import { disposeCluster, processesUnder, startTestCluster, type TestCluster } from './cluster';

const OPTIONS = { applicationName: 'godwit-test', statementTimeoutMs: 10_000 } as const;

export interface RecoveryOnCluster extends RecoveryUnderTest {
  readonly recovery: EmbeddedRecovery;
  readonly on: TestCluster;
}

export async function recoveryOnCluster(
  options: EmbeddedRecoveryOptions & { fsync?: boolean } = {},
): Promise<RecoveryOnCluster> {
  const on = await startTestCluster({ fsync: options.fsync ?? false });
  const recovery = new EmbeddedRecovery(on.cluster, { keepRestorePoints: 50, ...options });
  await prepareMarks(on.database);
  return {
    on,
    recovery,
    write: (mark) => addMark(on.database, mark),
    writeInto: addMark,
    marksIn: (place) => marksIn(place === 'serving' ? on.database : place),
    now: () => new Date(),
    pause: () => sleep(10),
    dispose: async () => {
      await recovery.close();
      await disposeCluster(on.cluster);
    },
  };
}

export const prepareMarks = (database: Database): Promise<void> =>
  withSession(database, OPTIONS, async (session) => {
    await session.query('CREATE TABLE marks (mark text PRIMARY KEY)');
  });

export const addMark = (database: Database, mark: string): Promise<void> =>
  withSession(database, OPTIONS, async (session) => {
    await session.query('INSERT INTO marks VALUES ($1)', [mark]);
  });

export async function marksIn(database: Database): Promise<readonly string[]> {
  const { rows } = await withSession(database, { ...OPTIONS, readOnly: true }, (session) =>
    session.query<{ mark: string }>('SELECT mark FROM marks ORDER BY mark'),
  );
  return rows.map(({ mark }) => mark);
}

/** The first row. */
export const ask = <Row>(database: Database, sql: string): Promise<Row> =>
  withSession(
    database,
    { ...OPTIONS, statementTimeoutMs: 30_000 },
    async (session) => (await session.query<Row>(sql)).rows[0] as Row,
  );

/** Why no instance can be made of the target, of which nothing may be left even before it is discarded. */
export async function refusal(
  under: RecoveryOnCluster,
  instance: string,
  target: RecoveryTarget,
): Promise<string> {
  let state = await under.recovery.beginInstance(instance, target);
  while (state.state === 'creating') {
    await under.pause();
    state = await under.recovery.inspectInstance(instance);
  }
  if (state.state !== 'failed') throw new Error(`${instance} is ${state.state}`);
  const { instances } = (await under.on.cluster.kit()).home;
  const left = [...(await entriesOf(instances)), ...processesUnder(instances)];
  if (left.length > 0) throw new Error(`of ${instance} there is left: ${left.join(', ')}`);
  await under.recovery.discardInstance(instance);
  return state.reason;
}

/** A session as an application opens it: by the URL, with nothing set. */
export async function applicationSession(
  url: string,
): Promise<{ write(mark: string): Promise<void>; close(): Promise<void> }> {
  const client = new Client({ connectionString: url, application_name: 'application' });
  // Ending sessions is part of what is tested.
  client.on('error', () => undefined);
  await client.connect();
  return {
    write: async (mark) => {
      await client.query('INSERT INTO marks VALUES ($1)', [mark]);
    },
    close: () => client.end(),
  };
}
