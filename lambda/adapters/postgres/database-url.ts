/** Reads a `DATABASE_URL` as Prisma's users write it, and never repeats the password that is in it. */
import { readFileSync } from 'node:fs';
import { messageOf, UsageError } from '../../domain/errors';
import type { PgDatabaseOptions, TlsChoice } from './pg-database';

const EXAMPLE = 'postgresql://user:password@host:5432/database?sslmode=verify-full';

/** @throws UsageError */
export function parseDatabaseUrl(text: string): PgDatabaseOptions {
  const url = parse(text);
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') {
    throw unusable(`it begins with ${url.protocol}// instead of postgresql://`);
  }
  const database = decode(url.pathname.slice(1), 'database');
  if (database === '' || database.includes('/')) throw unusable('it names no database after the host');
  if (url.username === '') throw unusable('it names no user');
  const schema = url.searchParams.get('schema');
  const timeout = url.searchParams.get('connect_timeout');
  return {
    host: hostOf(url),
    port: portOf(url),
    database,
    user: decode(url.username, 'user'),
    ...(url.password === '' ? {} : { password: decode(url.password, 'password') }),
    ssl: tlsOf(url),
    ...(timeout === null || !/^[1-9]\d*$/.test(timeout) ? {} : { connectTimeoutMs: Number(timeout) * 1000 }),
    ...(schema === null || schema === '' ? {} : { schema }),
  };
}

function parse(text: string): URL {
  try {
    return new URL(text.trim());
  } catch {
    // The parser's own error carries the whole text, so it is not kept as the cause.
    throw unusable('it is not a URL; characters such as @ : / # in a password must be percent-encoded');
  }
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unusable(`its ${part} holds a % that does not begin a percent-encoded character; write %25`);
  }
}

const hostOf = (url: URL): string =>
  url.searchParams.get('host') ?? (url.hostname.replace(/^\[|\]$/g, '') || 'localhost');

const portOf = (url: URL): number => (url.port === '' ? 5432 : Number(url.port));

/** As libpq reads `sslmode`, plus `no-verify` as `pg` knows it. */
function tlsOf(url: URL): TlsChoice {
  const mode = url.searchParams.get('sslmode') ?? 'prefer';
  const certificate = url.searchParams.get('sslrootcert') ?? url.searchParams.get('sslcert');
  const ca = certificate === null ? {} : { ca: readCertificate(certificate) };
  switch (mode) {
    case 'disable':
      return 'off';
    case 'allow':
    case 'prefer':
      return 'prefer';
    case 'no-verify':
      return { rejectUnauthorized: false };
    case 'require':
      // Without a root certificate libpq encrypts and asks no further.
      return certificate === null
        ? { rejectUnauthorized: false }
        : { rejectUnauthorized: true, anyHostName: true, ...ca };
    case 'verify-ca':
      return { rejectUnauthorized: true, anyHostName: true, ...ca };
    case 'verify-full':
      return { rejectUnauthorized: true, ...ca };
    default:
      throw unusable('its sslmode is none of disable, prefer, require, no-verify, verify-ca, verify-full');
  }
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(`its root certificate cannot be read: ${messageOf(error)}`, error);
  }
}

const unusable = (problem: string, cause?: unknown): UsageError =>
  new UsageError(`The database URL cannot be used: ${problem}. Expected something like ${EXAMPLE}`, {
    cause,
  });
