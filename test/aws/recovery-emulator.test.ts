import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { Rds } from '../../lambda/adapters/aws/rds-client';
import { identifierOf } from '../../lambda/adapters/aws/rds-names';
import { RdsRecovery } from '../../lambda/adapters/aws/rds-recovery';
import { instanceStateOf } from '../../lambda/adapters/aws/rds-status';
import type { Database } from '../../lambda/ports/database';
import { describeRecoveryContract } from '../contract/recovery.contract';

// The SDK warns of the Node version once a process, into the output of the tests.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The endpoint is AWS_ENDPOINT_URL, which the SDK reads by itself. */
const client = new RDSClient({
  region: process.env.AWS_REGION ?? 'eu-central-1',
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
  },
});
const rds = new Rds(client);
const SERVING = `godwit-contract-${Date.now().toString(36)}`;
const noData = (): Promise<never> => Promise.reject(new Error('an emulator holds no data'));

describeRecoveryContract(
  'RdsRecovery against AWS_ENDPOINT_URL',
  async () => {
    await client.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: SERVING,
        DBInstanceClass: 'db.t3.micro',
        Engine: 'postgres',
        AllocatedStorage: 20,
        MasterUsername: 'godwit',
        MasterUserPassword: 'of-an-emulator',
        BackupRetentionPeriod: 1,
      }),
    );
    for (let state = 'creating'; state !== 'ready'; ) {
      await sleep(200);
      const serving = await rds.instance(SERVING);
      state = serving === undefined ? 'creating' : instanceStateOf(serving).state;
    }
    const recovery = new RdsRecovery({
      client,
      instance: SERVING,
      clock: { now: () => new Date(), sleep: (ms) => sleep(ms) },
      credentials: async () => ({ user: 'godwit', password: 'of-an-emulator' }),
      databaseAt: withoutPostgres,
      // Whether an emulator has logs is not the question here.
      waitForLogsMs: 0,
    });
    return {
      recovery,
      write: noData,
      writeInto: noData,
      marksIn: noData,
      now: () => new Date(),
      pause: () => sleep(250),
      dispose: async () => {
        for (const { name } of await recovery.listRestorePoints())
          await client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: identifierOf(name) }));
        await client.send(
          new DeleteDBInstanceCommand({ DBInstanceIdentifier: SERVING, SkipFinalSnapshot: true }),
        );
        client.destroy();
      },
    };
  },
  { holdsData: false, recoversToLsn: false, granuleMs: 1_000 },
);

/** Only the control plane is emulated: whoever logs in is let in. */
function withoutPostgres(host: string, port: number): Database {
  return {
    address: { host, port, database: 'none', user: 'godwit' },
    connectionString: noData,
    connect: async () => ({ backendPid: 0, query: noData, close: async () => undefined }),
  };
}
