/** Options that every command takes, checked once. */
import { resolve } from 'node:path';
import { UsageError } from '../lambda/domain/errors';
import type { ApprovalMode, MaintenanceWindow, Policy } from '../lambda/domain/run';

/** What the process was started with. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where Godwit itself lies: its bundle, its dependencies, its demonstration. */
  readonly projectRoot: string;
}

/** As commander hands them over. */
export interface RawGlobalOptions {
  readonly prisma?: string;
  readonly databaseUrl?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

export interface GlobalOptions {
  readonly prismaDir: string;
  /** Present where the server belongs to somebody else. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  readonly json: boolean;
  readonly color: boolean;
  readonly level: 'quiet' | 'normal' | 'verbose';
}

export function globalOptions(raw: RawGlobalOptions, { env, cwd }: Invocation): GlobalOptions {
  if (raw.quiet && raw.verbose)
    throw new UsageError('--quiet and --verbose exclude each other. Use one of them.');
  const databaseUrl = raw.databaseUrl ?? env.DATABASE_URL;
  return {
    prismaDir: resolve(cwd, raw.prisma ?? 'prisma'),
    databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
    dataDir: resolve(cwd, raw.dataDir ?? '.godwit'),
    json: raw.json ?? false,
    color: raw.color ?? true,
    level: raw.quiet ? 'quiet' : raw.verbose ? 'verbose' : 'normal',
  };
}

export interface RawRunOptions {
  readonly phase?: string;
  readonly approve?: string;
  readonly downScripts?: string;
  readonly restore?: string;
  readonly skipRehearsal?: boolean;
  readonly maxBlocking?: string;
  readonly terminateIdle?: string;
  readonly until?: string;
  readonly maintenanceWindow?: string;
}

export function runPolicy(raw: RawRunOptions, defaults: Policy): Policy {
  const policy = withoutWindow(raw, defaults);
  if (raw.maintenanceWindow === undefined) return policy;
  return { ...policy, maintenanceWindow: maintenanceWindow(raw.maintenanceWindow, policy.maxBlockingMs) };
}

function withoutWindow(raw: RawRunOptions, defaults: Policy): Policy {
  return {
    ...defaults,
    ...(raw.phase === undefined
      ? {}
      : { phase: oneOf('--phase', raw.phase, ['expand', 'contract', 'all'] as const) }),
    ...(raw.approve === undefined ? {} : { approve: approvalMode('--approve', raw.approve) }),
    wayBack: {
      'down-script':
        raw.downScripts === undefined
          ? defaults.wayBack['down-script']
          : approvalMode('--down-scripts', raw.downScripts),
      restore: raw.restore === undefined ? defaults.wayBack.restore : approvalMode('--restore', raw.restore),
    },
    ...(raw.skipRehearsal ? { rehearse: false } : {}),
    ...(raw.maxBlocking === undefined
      ? {}
      : { maxBlockingMs: milliseconds('--max-blocking', raw.maxBlocking) }),
    ...(raw.terminateIdle === undefined
      ? {}
      : { terminateIdleAfterMs: milliseconds('--terminate-idle', raw.terminateIdle) }),
    ...(raw.until === undefined ? {} : { until: raw.until }),
  };
}

const approvalMode = (option: string, value: string): ApprovalMode =>
  oneOf(option, value, ['auto', 'ask', 'never'] as const);

function oneOf<const T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (!found) throw new UsageError(`${option} cannot be "${value}". Use ${allowed.join(', ')}.`);
  return found;
}

const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;

/** Demanded of a migration that, rehearsed, blocked longer than the application may be blocked. */
function maintenanceWindow(value: string, aboveMs: number): MaintenanceWindow {
  const [from = '', to = '', ...rest] = value.split('-');
  if (!TIME_OF_DAY.test(from) || !TIME_OF_DAY.test(to) || rest.length > 0 || from === to) {
    throw new UsageError(
      `--maintenance-window cannot be "${value}". Use two times of the day in UTC, as 22:00-04:00.`,
    );
  }
  return { from, to, aboveMs };
}

/** Postgres takes `lock_timeout` as whole milliseconds; 0 would mean no limit, the very thing to avoid. */
export function milliseconds(option: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 600_000) {
    throw new UsageError(`${option} cannot be "${value}". Use whole milliseconds from 1 to 600000.`);
  }
  return number;
}

export function port(option: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1024 || number > 65_535) {
    throw new UsageError(`${option} cannot be "${value}". Use a port from 1024 to 65535.`);
  }
  return number;
}
