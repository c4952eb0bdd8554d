/** What a handler expects of its environment: declared once, set by the infrastructure, read and checked at the start. */
import { GodwitError } from '../domain/errors';
import { DEFAULT_LIMITS, type RehearsalLimits } from '../domain/estimate';

/** Every key with what it holds. */
export const ENVIRONMENT = {
  GODWIT_STAGE: 'name of the stage, e.g. prod',
  GODWIT_JOURNAL_BUCKET: 'bucket that holds journals, leases and answers',
  GODWIT_TOPIC_ARN: 'topic that tells people',
  GODWIT_INSTANCE: 'identifier of the serving RDS instance',
  GODWIT_DATABASE_HOST: 'its endpoint, as the application reaches it',
  GODWIT_DATABASE_PORT: 'its port',
  GODWIT_DATABASE_NAME: 'name of the database on it',
  GODWIT_SECRET_ARN: 'secret with user and password',
  GODWIT_BEYOND_LIMITS: 'what becomes of a run whose rehearsal exceeds them, ask or block',
  GODWIT_MAX_MINUTES: 'that a migration may take by the estimate of its rehearsal',
  GODWIT_MAX_DISK_SHARE: 'of the free disk that a migration may need',
} as const;

export type EnvironmentKey = keyof typeof ENVIRONMENT;
export type Environment = Readonly<Record<EnvironmentKey, string>>;

export const ENVIRONMENT_KEYS = Object.keys(ENVIRONMENT) as readonly EnvironmentKey[];

/** The function was deployed without what it needs. */
export class EnvironmentIncomplete extends GodwitError {
  override readonly name = 'EnvironmentIncomplete';
  readonly kind = 'usage';
  readonly missing: readonly EnvironmentKey[];

  constructor(missing: readonly EnvironmentKey[]) {
    const keys = missing.map((key) => `${key} (${ENVIRONMENT[key]})`).join(', ');
    super(`The environment lacks ${keys}. Deploy the stack again.`);
    this.missing = missing;
  }
}

/** @throws EnvironmentIncomplete that names every missing key */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const missing = ENVIRONMENT_KEYS.filter((key) => (env[key] ?? '') === '');
  if (missing.length > 0) throw new EnvironmentIncomplete(missing);
  return Object.freeze(Object.fromEntries(ENVIRONMENT_KEYS.map((key) => [key, env[key]])) as Environment);
}

/** What does not say clearly that a person may be asked refuses. */
export const limitsIn = (env: Environment): RehearsalLimits => ({
  ...DEFAULT_LIMITS,
  beyond: env.GODWIT_BEYOND_LIMITS === 'ask' ? 'ask' : 'block',
  durationMs: Number(env.GODWIT_MAX_MINUTES) * 60_000,
  diskShare: Number(env.GODWIT_MAX_DISK_SHARE),
});
