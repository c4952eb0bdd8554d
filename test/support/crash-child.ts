/** The process that the crash matrix kills: runs the executor, and says when it has reached the point at which to die. */
import { PgDatabase, type PgDatabaseOptions } from '../../lambda/adapters/postgres/pg-database';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { GodwitError } from '../../lambda/domain/errors';
import { EXECUTOR_NAME } from '../../lambda/migrate/watch/lock-watch';
import type { Database, Session, SessionOptions } from '../../lambda/ports/database';
import { parseScript } from '../../lambda/sql/parse';
import { type CrashWork, runWork } from './crash-work';

export interface CrashOrder {
  readonly options: PgDatabaseOptions;
  readonly work: CrashWork;
  /** `hold`: does not send the query until told to go on. `pass`: says so, and sends it. */
  readonly stop?: { readonly query: number; readonly how: 'hold' | 'pass' } | undefined;
}

export interface CrashQuery {
  readonly sql: string;
  readonly durationMs: number;
}

export type CrashNews =
  | { readonly news: 'ready' }
  | { readonly news: 'reached'; readonly sql: string; readonly backendPid: number }
  | {
      readonly news: 'ended';
      /** `typed:<name>`: an error of Godwit's own. */
      readonly as: string;
      readonly queries: readonly CrashQuery[];
    };

const tell = (news: CrashNews): void => {
  process.send?.(news);
};

class StoppingDatabase implements Database {
  readonly address;
  readonly queries: CrashQuery[] = [];
  readonly #database: Database;
  readonly #stop: CrashOrder['stop'];
  #begun = 0;

  constructor(database: Database, stop: CrashOrder['stop']) {
    this.#database = database;
    this.#stop = stop;
    this.address = database.address;
  }

  connectionString(): Promise<string> {
    return this.#database.connectionString();
  }

  async connect(options: SessionOptions): Promise<Session> {
    const session = await this.#database.connect(options);
    if (!options.applicationName.startsWith(EXECUTOR_NAME)) return session;
    return {
      backendPid: session.backendPid,
      close: () => session.close(),
      query: async <Row>(sql: string, values?: readonly unknown[]) => {
        this.#begun += 1;
        if (this.#begun === this.#stop?.query) await this.#reached(sql, session.backendPid);
        const began = performance.now();
        const answer = await session.query<Row>(sql, values);
        this.queries.push({ sql, durationMs: performance.now() - began });
        return answer;
      },
    };
  }

  async #reached(sql: string, backendPid: number): Promise<void> {
    const toldToGoOn =
      this.#stop?.how === 'hold' ? new Promise((resolve) => process.once('message', resolve)) : undefined;
    tell({ news: 'reached', sql, backendPid });
    await toldToGoOn;
  }
}

async function obey({ options, work, stop }: CrashOrder): Promise<void> {
  const database = new StoppingDatabase(new PgDatabase(options), stop);
  const as = await runWork(database, work, new SystemClock()).then(
    ({ outcome }) => outcome,
    (error: unknown) => (error instanceof GodwitError ? `typed:${error.name}` : `untyped:${String(error)}`),
  );
  tell({ news: 'ended', as, queries: database.queries });
  process.disconnect();
}

process.once('message', (order: CrashOrder) => void obey(order));
// Loading the parser is most of the start.
void parseScript('SELECT 1').then(() => tell({ news: 'ready' }));
