/** Connects the schema engine to Postgres: to the database it asks about, and to a shadow database of its own. */
import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import pg from 'pg';
import type { Database } from '../../ports/database';
import { factsOf, planOf } from '../../sql/facts';
import { parseScript, type SqlStatement, SqlSyntaxError } from '../../sql/parse';
import { type EngineConnection, engineConnection } from './connection-config';
import { createShadowDatabase, type ShadowDatabase } from './shadow-database';

export const ADAPTER = { provider: 'postgres', adapterName: '@prisma/adapter-pg' } as const;

/** What one call of the engine connects to, and how it is cleaned up, whatever became of the call. */
export interface ConnectionFactory extends SqlMigrationAwareDriverAdapterFactory {
  close(): Promise<void>;
}

/** The database in question, and the one in which its history is replayed. */
export type Side = 'main' | 'shadow';

export interface EngineConnectionOptions {
  readonly database: Database;
  /** Server on which shadow databases are created. */
  readonly shadowServer: Database;
  readonly ca: string | undefined;
  readonly runMainScript: RunScript;
}

/**
 * The stock factory will not do: given a connection string it opens its "shadow" connection on the main database
 * (the string wins over the name it adds) and replays the history there; it drops the shadow database before it
 * ends its own connections to it; and it splits scripts at every semicolon.
 */
export class EngineConnections implements ConnectionFactory {
  readonly provider = ADAPTER.provider;
  readonly adapterName = ADAPTER.adapterName;
  readonly #options: EngineConnectionOptions;
  readonly #pools = new Map<Side, pg.Pool>();
  readonly #shadows: ShadowDatabase[] = [];

  constructor(options: EngineConnectionOptions) {
    this.#options = options;
  }

  async connect(): Promise<SqlDriverAdapter> {
    const { database, ca, runMainScript } = this.#options;
    return this.#open('main', await engineConnection(database, ca), runMainScript);
  }

  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const { database, shadowServer, ca } = this.#options;
    const shadow = await createShadowDatabase(shadowServer, new Date());
    this.#shadows.push(shadow);
    const { pool } = await engineConnection(shadowServer, ca);
    const schema = new URL(await database.connectionString()).searchParams.get('schema') ?? undefined;
    return this.#open(
      'shadow',
      // Nobody misses a commit of a shadow database that a crash would take.
      { pool: { ...pool, database: shadow.name, options: '-c synchronous_commit=off' }, schema },
      replay,
    );
  }

  /** Asks where the engine has been connected to already, in between its own questions. */
  async query<Row extends object>(
    side: Side,
    sql: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    const pool = this.#pools.get(side);
    if (pool === undefined) throw new Error(`the engine has not connected to its ${side} database`);
    return (await pool.query<Row>(sql, [...values])).rows;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.end()));
    await Promise.all(this.#shadows.splice(0).map((shadow) => shadow.drop()));
  }

  async #open(
    side: Side,
    { pool: config, schema }: EngineConnection,
    runScript: RunScript,
  ): Promise<SqlDriverAdapter> {
    const pool = knowingChar(new pg.Pool(config));
    // Without a listener, a connection that the server ends while it is idle ends this process.
    pool.on('error', () => {});
    this.#pools.set(side, pool);
    const stock = await new PrismaPg(pool, schema === undefined ? {} : { schema }).connect();
    return {
      ...ADAPTER,
      queryRaw: async (query) => withCharColumns(await stock.queryRaw(query)),
      executeRaw: (query) => stock.executeRaw(query),
      executeScript: (script) => runScript(stock, script, pool),
      startTransaction: (isolationLevel) => stock.startTransaction(isolationLevel),
      getConnectionInfo: () => stock.getConnectionInfo(),
      // The engine disposes only where it succeeds; `close` does it for every case.
      dispose: async () => {},
    };
  }
}

export type RunScript = (adapter: SqlDriverAdapter, script: string, pool: pg.Pool) => Promise<void>;

/** The engine's questions and its ledger rows are single statements: a script would be a migration. */
export const refuseScripts: RunScript = () =>
  Promise.reject(new Error('the schema engine is not allowed to execute migrations'));

/**
 * Statements that may share a transaction go as one message, which Postgres makes one transaction; the others, as CREATE
 * INDEX CONCURRENTLY, by themselves. Each stays whole, whatever semicolons it contains.
 */
const replay: RunScript = async (adapter, script, pool) => {
  for (const batch of await batchesOf(script)) {
    try {
      await pool.query(batch.join(';\n'));
    } catch {
      // Nothing of the batch remained. One by one, the adapter tells which statement failed, in the engine's terms.
      for (const sql of batch) await adapter.executeRaw({ sql, args: [], argTypes: [] });
    }
  }
};

/** What the parser refuses goes to the server as it is: its answer is the one to show. */
async function batchesOf(script: string): Promise<readonly (readonly string[])[]> {
  try {
    const parsed = await parseScript(script);
    const mayShare = planOf(parsed).mode === 'atomic' || !parsed.statements.some(addsEnumValue);
    const batches: string[][] = [];
    let open: string[] | undefined;
    for (const statement of parsed.statements) {
      const isAlone = !mayShare || factsOf(statement).canRunInTransaction !== 'yes';
      if (isAlone || open === undefined) batches.push([statement.sql]);
      else open.push(statement.sql);
      open = isAlone ? undefined : batches.at(-1);
    }
    return batches;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return [[script]];
    throw error;
  }
}

/** A new enum value cannot be used in the transaction that adds it. */
const addsEnumValue = ({ kind }: SqlStatement): boolean => kind === 'AlterEnumStmt';

/** OIDs of Postgres's built-in types. */
const OID = { char: 18, charArray: 1002 } as const;

/**
 * Introspection reads catalog columns of type "char", which the adapter does not know and refuses. It knows the array
 * of it: so the column passes as one, and {@link withCharColumns} sets the type right. The engine asks for no array.
 */
function knowingChar(pool: pg.Pool): pg.Pool {
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>;
  return Object.assign(pool, {
    query: async (...args: unknown[]) => {
      const result = await query(...args);
      // A batch gives a list of results.
      for (const field of [result].flat().flatMap(({ fields }) => fields)) {
        if (field.dataTypeID === OID.char) field.dataTypeID = OID.charArray;
      }
      return result;
    },
  });
}

type ResultSet = Awaited<ReturnType<SqlDriverAdapter['queryRaw']>>;

const withCharColumns = (result: ResultSet): ResultSet => ({
  ...result,
  columnTypes: result.columnTypes.map((type) =>
    type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type,
  ),
});
