/** A serving instance with settings of its own, recovery on a stand-in for RDS, and the databases behind it. */
import type { DBInstance } from '@aws-sdk/client-rds';
import { RdsRecovery, type RdsRecoveryOptions } from '../../lambda/adapters/aws/rds-recovery';
import {
  type Database,
  DatabaseRefused,
  DatabaseUnreachable,
  type Session,
} from '../../lambda/ports/database';
import type { InstanceState, RecoveryTarget, RestorePoint } from '../../lambda/ports/recovery';
import { FakeRds } from './aws-fake-rds';

export const SERVING = 'wedefidaily-prod';
export const RUN = 'run-20260301-120000-00ff';
export const CLONE = `rehearsal-${RUN}`;
export const RESTORED = `restored-${RUN}`;
export const POINT = { kind: 'restore-point', name: `before-${RUN}` } as const;

/** What a poll of the workflow waits. */
export const POLL_MS = 15_000;
const MOST_POLLS = 400;

/** None of them is what RDS takes by itself. */
export const SETTINGS_OF_ITS_OWN: DBInstance = {
  DBInstanceClass: 'db.r8g.large',
  DbInstancePort: 0,
  Endpoint: { Address: `${SERVING}.example.eu-central-1.rds.amazonaws.com`, Port: 5433 },
  MultiAZ: true,
  DeletionProtection: true,
  IAMDatabaseAuthenticationEnabled: true,
  CopyTagsToSnapshot: true,
  PubliclyAccessible: true,
  NetworkType: 'DUAL',
  DedicatedLogVolume: true,
  VpcSecurityGroups: [
    { VpcSecurityGroupId: 'sg-prod', Status: 'active' },
    { VpcSecurityGroupId: 'sg-admin', Status: 'active' },
  ],
  DBParameterGroups: [{ DBParameterGroupName: 'prod-parameters', ParameterApplyStatus: 'in-sync' }],
  OptionGroupMemberships: [{ OptionGroupName: 'prod-options', Status: 'in-sync' }],
  DBSubnetGroup: { DBSubnetGroupName: 'prod-subnets' },
  EnabledCloudwatchLogsExports: ['upgrade', 'postgresql'],
  CACertificateIdentifier: 'rds-ca-ecc384-g1',
  AutoMinorVersionUpgrade: false,
  EngineLifecycleSupport: 'open-source-rds-extended-support-disabled',
  BackupRetentionPeriod: 35,
  PreferredBackupWindow: '03:00-04:00',
  PreferredMaintenanceWindow: 'sun:05:00-sun:06:00',
  MaxAllocatedStorage: 1000,
  AllocatedStorage: 400,
  StorageType: 'io2',
  StorageThroughput: 500,
  Iops: 12_000,
  KmsKeyId: 'arn:aws:kms:eu-central-1:000000000000:key/prod',
  MonitoringInterval: 60,
  MonitoringRoleArn: 'arn:aws:iam::000000000000:role/monitoring',
  PerformanceInsightsEnabled: true,
  PerformanceInsightsKMSKeyId: 'arn:aws:kms:eu-central-1:000000000000:key/insights',
  PerformanceInsightsRetentionPeriod: 465,
  DatabaseInsightsMode: 'advanced',
  TagList: [
    { Key: 'team', Value: 'data' },
    { Key: 'aws:cloudformation:stack-name', Value: 'Godwit' },
  ],
};

/** Answers at the address that an instance has at the moment of a connect, with the instance's own password. */
export class DatabaseOnRds implements Database {
  readonly address: Database['address'];
  readonly #rds: FakeRds;
  readonly #password: () => string;

  constructor(rds: FakeRds, host: string, port: number, password: () => string) {
    this.#rds = rds;
    this.#password = password;
    this.address = { host, port, database: 'wedefidaily', user: 'godwit' };
  }

  async connectionString(): Promise<string> {
    return 'postgresql://unused';
  }

  async connect(): Promise<Session> {
    const { password } = this.#contents();
    if (password !== this.#password())
      throw new DatabaseRefused(this.address, '28P01', 'password authentication failed');
    return {
      backendPid: 1,
      query: (sql) => Promise.reject(new Error(`unexpected statement: ${sql}`)),
      close: async () => undefined,
    };
  }

  commit(mark: string): void {
    this.#contents().marks.push({ mark, at: this.#rds.time.now() });
  }

  marks(): readonly string[] {
    return this.#contents()
      .marks.map(({ mark }) => mark)
      .sort();
  }

  #contents() {
    const instance = [...this.#rds.instances.values()].find(
      ({ Endpoint }) => Endpoint?.Address === this.address.host && Endpoint.Port === this.address.port,
    );
    if (instance === undefined) throw new DatabaseUnreachable(this.address, 'nobody answers there');
    return this.#rds.contentsOf(instance);
  }
}

export function setUp(options: Partial<RdsRecoveryOptions> & { readonly serving?: DBInstance } = {}) {
  const { serving: fields = {}, ...others } = options;
  const rds = new FakeRds();
  const serving = rds.addInstance(SERVING, { ...structuredClone(SETTINGS_OF_ITS_OWN), ...fields });
  const secret = { password: 'old' };
  const databaseAt = (host: string, port: number) =>
    new DatabaseOnRds(rds, host, port, () => secret.password);
  const makeRecovery = () =>
    new RdsRecovery({
      client: rds.client,
      instance: SERVING,
      clock: rds.time,
      credentials: async () => ({ user: 'godwit', password: secret.password }),
      databaseAt,
      ...others,
    });
  const application = databaseAt(serving.Endpoint?.Address ?? '', serving.Endpoint?.Port ?? 0);
  return { rds, serving, secret, makeRecovery, recovery: makeRecovery(), application };
}

export type RecoveryOnRds = ReturnType<typeof setUp>;

export interface Polling {
  readonly name?: string;
  readonly target?: RecoveryTarget;
  readonly pollMs?: number;
}

/** Polls as a run does, every look by a process of its own: absent is begun again. */
export async function restored(
  { rds, makeRecovery }: Pick<RecoveryOnRds, 'rds' | 'makeRecovery'>,
  { name = RESTORED, target = POINT, pollMs = POLL_MS }: Polling = {},
): Promise<{ readonly state: InstanceState; readonly messages: readonly string[]; readonly ms: number }> {
  const began = rds.time.now().getTime();
  const messages: string[] = [];
  for (let polls = 0; polls < MOST_POLLS; polls += 1) {
    const looked = await makeRecovery().inspectInstance(name);
    const state = looked.state === 'absent' ? await makeRecovery().beginInstance(name, target) : looked;
    if (state.state !== 'creating') return { state, messages, ms: rds.time.now().getTime() - began };
    if (state.message !== undefined && state.message !== messages.at(-1)) messages.push(state.message);
    rds.time.advance(pollMs);
  }
  throw new Error(`never done: ${messages}`);
}

export async function restorePoint(
  { rds, makeRecovery }: Pick<RecoveryOnRds, 'rds' | 'makeRecovery'>,
  name: string = POINT.name,
): Promise<RestorePoint> {
  for (let polls = 0; polls < MOST_POLLS; polls += 1) {
    const looked = await makeRecovery().inspectRestorePoint(name);
    const state = looked.state === 'absent' ? await makeRecovery().beginRestorePoint(name) : looked;
    if (state.state === 'ready') return state.restorePoint;
    if (state.state === 'failed') throw new Error(state.reason);
    rds.time.advance(POLL_MS);
  }
  throw new Error(`the restore point ${name} is never ready`);
}

export async function withRestorePoint(options: Parameters<typeof setUp>[0] = {}) {
  const all = setUp(options);
  const point = await restorePoint(all);
  return { ...all, point };
}
