/** Proves on throw-away databases that a rewritten migration ends as the original does: the same schema, the same rows. */
import { randomBytes } from 'node:crypto';
import { compareEnds } from '../../lambda/checks/equivalence';
import { addSampleRows } from '../../lambda/checks/sample-rows';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { migrate } from '../../lambda/migrate/executor';
import type { Clock } from '../../lambda/ports/clock';
import { type Database, type Session, StatementFailed, withSession } from '../../lambda/ports/database';
import type { SchemaEngine } from '../../lambda/ports/schema-engine';
import { problemsOf } from '../../lambda/sql/facts';
import { quoted } from '../../lambda/sql/names';
import { parseScript } from '../../lambda/sql/parse';
import type { RewrittenMigration } from '../../lambda/sql/rewrite/rewrite';

/** Where databases may be made and dropped, and nobody works. */
export interface ProvingGround {
  readonly maintenance: Database;
  open(name: string): Promise<Database>;
  readonly engine: SchemaEngine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface ProofRequest {
  /** Content of `schema.prisma`. */
  readonly schema: string;
  readonly before: readonly Migration[];
  readonly original: Migration;
  readonly rewritten: readonly RewrittenMigration[];
}

export type Proof =
  | { readonly proven: true; readonly notes: readonly string[] }
  | { readonly proven: false; readonly differences: readonly string[] };

export async function proveEquivalence(ground: ProvingGround, request: ProofRequest): Promise<Proof> {
  const scratch = new Scratch(ground);
  try {
    return await prove(scratch, ground, request);
  } finally {
    await scratch.dropAll();
  }
}

async function prove(scratch: Scratch, ground: ProvingGround, request: ProofRequest): Promise<Proof> {
  const start = await begin(scratch, ground, request);
  if ('differences' in start) return { proven: false, differences: start.differences };
  const { base, original, notes } = start;
  const rewritten = await scratch.copyOf(base);
  const failed = await apply(ground, rewritten, request.rewritten.map(asMigration));
  if (failed !== undefined) return { proven: false, differences: [`the rewritten form fails: ${failed}`] };
  const compared = await withSessions([original, rewritten], async ([one, other], open) =>
    compareEnds({
      original: one,
      rewritten: other,
      again: async () => {
        const again = await scratch.copyOf(base);
        await apply(ground, again, [request.original]);
        return open(again);
      },
    }),
  );
  const drift = await ground.engine.drift(rewritten, {
    schema: request.schema,
    lockfile: undefined,
    migrations: [...request.before, request.original],
    invariants: [],
  });
  const differences = [
    ...compared.differences,
    ...(drift === '' ? [] : [`Prisma finds a difference: ${drift}`]),
  ];
  if (differences.length > 0) return { proven: false, differences };
  return { proven: true, notes: [...notes, ...compared.notes] };
}

interface Start {
  /** The history, with sample rows where the original takes them. */
  readonly base: string;
  /** After the original. */
  readonly original: Database;
  readonly notes: readonly string[];
}

async function begin(
  scratch: Scratch,
  ground: ProvingGround,
  { before, original }: ProofRequest,
): Promise<Start | { readonly differences: readonly string[] }> {
  const bare = await scratch.empty();
  const broken = await apply(ground, bare, before);
  if (broken !== undefined) return { differences: [`the migrations before it fail: ${broken}`] };
  const filled = await scratch.copyOf(bare.address.database);
  const { empty } = await withSession(filled, SESSION, addSampleRows);
  const notes = empty.map(({ table, reason }) => `${table} has no sample row: ${reason}`);
  const first = await scratch.copyOf(filled.address.database);
  const refusal = await apply(ground, first, [original]);
  if (refusal === undefined) return { base: filled.address.database, original: first, notes };
  const second = await scratch.copyOf(bare.address.database);
  const failed = await apply(ground, second, [original]);
  if (failed !== undefined) return { differences: [`the migration fails as it is: ${failed}`] };
  return {
    base: bare.address.database,
    original: second,
    notes: [`proven on empty tables, since the original fails where there are rows: ${refusal}`],
  };
}

/** Nobody works there: waiting for a lock would be a mistake. */
const LIMIT_MS = 60_000;
const SESSION = { applicationName: 'godwit rewrite' } as const;

/** Why it failed, if it did. */
async function apply(
  { clock, signal }: ProvingGround,
  database: Database,
  migrations: readonly Migration[],
): Promise<string | undefined> {
  signal.throwIfAborted();
  for (const migration of migrations) {
    const problems = problemsOf(await parseScript(migration.sql));
    // One that Godwit's executor does not take is run as psql would run it.
    const failure =
      problems.length > 0
        ? await runPlainly(database, migration)
        : await run(database, migration, { clock, signal });
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function run(
  database: Database,
  migration: Migration,
  { clock, signal }: Pick<ProvingGround, 'clock' | 'signal'>,
): Promise<string | undefined> {
  const outcome = await migrate({
    database,
    clock,
    signal,
    runId: 'rewrite',
    migrations: [migration],
    maxBlockingMs: LIMIT_MS,
    giveUpAfterMs: LIMIT_MS,
  });
  if (outcome.outcome === 'applied') return undefined;
  signal.throwIfAborted();
  return outcome.outcome === 'failed'
    ? `${migration.name}, line ${outcome.failed.line}: ${outcome.failed.message}`
    : outcome.outcome;
}

async function runPlainly(database: Database, { name, sql }: Migration): Promise<string | undefined> {
  try {
    await withSession(database, SESSION, (session) => session.query(sql));
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return `${name}: ${error.message}`;
  }
}

const asMigration = ({ name, sql, downSql }: RewrittenMigration): Migration => ({
  name,
  sql,
  downSql,
  checksum: checksumOf(sql),
});

async function withSessions<T>(
  [one, other]: readonly [Database, Database],
  work: (sessions: readonly [Session, Session], open: (database: Database) => Promise<Session>) => Promise<T>,
): Promise<T> {
  const sessions: Session[] = [];
  const open = async (database: Database): Promise<Session> => {
    const session = await database.connect(SESSION);
    sessions.push(session);
    return session;
  };
  try {
    return await work([await open(one), await open(other)], open);
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

class Scratch {
  readonly #ground: ProvingGround;
  readonly #names: string[] = [];
  readonly #prefix = `godwit_rewrite_${randomBytes(4).toString('hex')}`;

  constructor(ground: ProvingGround) {
    this.#ground = ground;
  }

  empty(): Promise<Database> {
    return this.copyOf('template0');
  }

  async copyOf(template: string): Promise<Database> {
    const name = `${this.#prefix}_${this.#names.length + 1}`;
    this.#names.push(name);
    await this.#maintain(`CREATE DATABASE ${quoted(name)} TEMPLATE ${quoted(template)}`);
    return this.#ground.open(name);
  }

  async dropAll(): Promise<void> {
    for (const name of this.#names)
      await this.#maintain(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
  }

  async #maintain(sql: string): Promise<void> {
    await withSession(this.#ground.maintenance, SESSION, (session) => session.query(sql));
  }
}
