/**
 * Restore points, clones and restores on RDS. A restored instance's settings are completed in two moves, with the restore
 * call and by the inspection that first finds it available, and it is ready once it is described as its source is.
 */
import type { DBInstance, RDSClient } from '@aws-sdk/client-rds';
import type { Clock } from '../../ports/clock';
import { type Database, DatabaseRefused, DatabaseUnreachable, withSession } from '../../ports/database';
import type {
  ArchivingHealth,
  InstanceState,
  LostCommits,
  Recovery,
  RecoveryTarget,
  RestorePoint,
  RestorePointState,
} from '../../ports/recovery';
import type { DatabaseCredentials } from '../../ports/secrets';
import { AwsAnswerUnusable, InstanceBusy } from './errors';
import { Rds } from './rds-client';
import {
  DATABASE_TAG,
  identifierOf,
  isDisposable,
  isMadeFrom,
  isRehearsal,
  LOST_FROM_TAG,
  LOST_TO_TAG,
  NotDisposable,
  nameOf,
  SETTLED_TAG,
  tagOf,
} from './rds-names';
import { differencesOf, sentenceOf, waitsForReboot } from './rds-readiness';
import { wayOutOf } from './rds-refusals';
import { RdsRestorePoints } from './rds-restore-points';
import { RdsRestores } from './rds-restores';
import { lackingTags, purposeOf, settingsAfterRestore } from './rds-settings';
import { instanceStateOf } from './rds-status';

export interface RdsRecoveryOptions {
  readonly client: RDSClient;
  /** Identifier of the serving instance. */
  readonly instance: string;
  readonly clock: Clock;
  readonly credentials: () => Promise<DatabaseCredentials>;
  readonly databaseAt: (host: string, port: number, secretArn?: string) => Database;
  /** How long a restore waits for the logs that lead to its restore point exactly; of an RTO of 15 minutes. */
  readonly waitForLogsMs?: number;
}

const WAIT_FOR_LOGS_MS = 10 * 60_000;
/** Logs reach S3 every five minutes; twice that is late. */
const LATEST_LAG_MS = 10 * 60_000;
/** RDS applies at once what it is asked to, but another storage or a standby keep it busy before; later it has not been accepted. */
const SETTLES_WITHIN_MS = 60 * 60_000;

export class RdsRecovery implements Recovery {
  readonly #rds: Rds;
  readonly #options: RdsRecoveryOptions;
  readonly #points: RdsRestorePoints;
  readonly #restores: RdsRestores;

  constructor(options: RdsRecoveryOptions) {
    const { client, instance, clock, waitForLogsMs = WAIT_FOR_LOGS_MS } = options;
    this.#rds = new Rds(client);
    this.#options = options;
    this.#points = new RdsRestorePoints(this.#rds, instance, clock);
    this.#restores = new RdsRestores(this.#rds, { clock, waitForLogsMs });
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

  beginRestorePoint(name: string): Promise<RestorePointState> {
    return this.#points.begin(name);
  }

  inspectRestorePoint(name: string): Promise<RestorePointState> {
    return this.#points.inspect(name);
  }

  listRestorePoints(): Promise<readonly RestorePoint[]> {
    return this.#points.list();
  }

  async beginInstance(name: string, target: RecoveryTarget): Promise<InstanceState> {
    const known = await this.inspectInstance(name);
    if (known.state !== 'absent') return known;
    return this.#restores.begin({ name, serving: await this.#serving() }, target);
  }

  async inspectInstance(name: string): Promise<InstanceState> {
    const identifier = identifierOf(name);
    const instance = await this.#rds.instance(identifier);
    if (instance === undefined) return { state: 'absent' };
    // Its name is free only then; who begins anew waits for that.
    if (instance.DBInstanceStatus === 'deleting')
      return { state: 'creating', message: 'the former one of this name is being deleted' };
    const state = instanceStateOf(instance);
    if (state.state !== 'ready') return state;
    const settled = tagOf(instance.TagList, SETTLED_TAG);
    return settled === undefined
      ? this.#settle(identifier, instance)
      : this.#stateSince(new Date(settled), identifier, instance);
  }

  async openInstance(name: string): Promise<Database> {
    const instance = await this.#rds.instance(identifierOf(name));
    if (instance === undefined) throw new AwsAnswerUnusable(`there is no instance ${name}`);
    return this.#open(instance);
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
    if (!isRehearsal(identifier)) await this.#refuseWhileCuttingOver(identifier);
    const refused = await this.#rds.delete(identifier);
    if (refused === undefined || refused.code === 'DBInstanceNotFound') return;
    if (refused.code === 'InvalidDBInstanceState')
      throw new InstanceBusy(identifier, instance.DBInstanceStatus, refused.cause);
    wayOutOf(refused);
  }

  /** An instance that was cut over to and away again still carries the tag, and is kept. */
  async listInstances(): Promise<readonly string[]> {
    return (await this.#rds.instances())
      .filter(
        ({ DBInstanceIdentifier: id = '', DBInstanceStatus: status, TagList }) =>
          isDisposable(id) && status !== 'deleting' && isMadeFrom(this.#options.instance, id, TagList),
      )
      .map(({ DBInstanceIdentifier: id }) => nameOf(id ?? ''))
      .sort();
  }

  async #refuseWhileCuttingOver(identifier: string): Promise<void> {
    const { instance } = this.#options;
    const serving = await this.#rds.instance(instance);
    if (serving !== undefined && instanceStateOf(serving).state === 'ready') return;
    const found =
      serving === undefined ? 'no instance is called' : `RDS reports ${serving.DBInstanceStatus} of`;
    throw new NotDisposable(identifier, `${found} ${instance}: a cut-over may be under way`);
  }

  async #serving(): Promise<DBInstance> {
    const instance = await this.#rds.instance(this.#options.instance);
    if (instance === undefined) throw new AwsAnswerUnusable(`there is no instance ${this.#options.instance}`);
    return instance;
  }

  /** Modified first and tagged after: a crash between the two modifies once more, which changes nothing. */
  async #settle(identifier: string, instance: DBInstance): Promise<InstanceState> {
    const source = await this.#serving();
    const { password } = await this.#options.credentials();
    const refused = await this.#rds.modify(
      identifier,
      settingsAfterRestore(source, purposeOf(identifier), password),
    );
    if (refused?.code === 'InvalidDBInstanceState')
      return { state: 'creating', message: 'RDS is busy with it' };
    if (refused !== undefined) return { state: 'failed', reason: wayOutOf(refused) };
    await this.#rds.tag(instance.DBInstanceArn, SETTLED_TAG, this.#options.clock.now().toISOString());
    return { state: 'creating', message: 'settings that a restore cannot set are being applied' };
  }

  async #stateSince(settled: Date, identifier: string, instance: DBInstance): Promise<InstanceState> {
    const isLate = this.#options.clock.now().getTime() - settled.getTime() > SETTLES_WITHIN_MS;
    const source = await this.#serving();
    const differences = differencesOf(source, instance, purposeOf(identifier));
    if (differences.length > 0) {
      const sentence = sentenceOf(differences);
      const isToReboot = waitsForReboot(instance);
      if (isLate && !isToReboot)
        return { state: 'failed', reason: `not as ${this.#options.instance}: ${sentence}` };
      // Refused while RDS is busy: the next inspection asks again.
      if (isToReboot) await this.#rds.reboot(identifier);
      for (const { Key = '', Value = '' } of lackingTags(source, instance)) {
        await this.#rds.tag(instance.DBInstanceArn, Key, Value);
      }
      return { state: 'creating', message: `not as ${this.#options.instance} yet: ${sentence}` };
    }
    // Described at once, and in force moments later.
    const problem = await problemOfLogin(this.#open(instance));
    if (problem === undefined) return { state: 'ready', ...lostIn(instance) };
    return isLate
      ? { state: 'failed', reason: `nobody can log in: ${problem}` }
      : { state: 'creating', message: 'its password is being set' };
  }

  #open({ DBInstanceIdentifier: id, Endpoint, MasterUserSecret }: DBInstance): Database {
    const { Address: host, Port: port } = Endpoint ?? {};
    if (host === undefined || port === undefined)
      throw new AwsAnswerUnusable(`instance ${id} has no endpoint yet`);
    return this.#options.databaseAt(host, port, MasterUserSecret?.SecretArn);
  }
}

function lostIn({ TagList }: DBInstance): { readonly lost?: LostCommits } {
  const from = tagOf(TagList, LOST_FROM_TAG);
  const to = tagOf(TagList, LOST_TO_TAG);
  return from === undefined || to === undefined ? {} : { lost: { from, to } };
}

async function problemOfLogin(database: Database): Promise<string | undefined> {
  try {
    await withSession(
      database,
      { applicationName: 'godwit-instance', readOnly: true },
      async () => undefined,
    );
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseRefused || error instanceof DatabaseUnreachable) return error.message;
    throw error;
  }
}
