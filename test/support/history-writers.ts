/** An application that writes throughout, and remembers what was acknowledged and where in the log that must lie. */
import { Client } from 'pg';
import { parseLsn } from '../../lambda/adapters/embedded/wal';

interface Write {
  readonly id: string;
  /** LSN before its COMMIT was sent, in bytes. */
  readonly notBefore: bigint;
  /** LSN after it was acknowledged; absent where it never was: it may have arrived all the same. */
  notAfter?: bigint;
}

const INSERT_LSN = 'SELECT pg_current_wal_insert_lsn()::text AS lsn';
const READ_ONLY = '25006';

export class Writers {
  readonly writes: Write[] = [];
  #isStopped = false;
  readonly #all: readonly Promise<void>[];

  constructor(url: string, { count, pauseMs }: { readonly count: number; readonly pauseMs: number }) {
    this.#all = Array.from({ length: count }, (_, index) => this.#write(url, `w${index}`, pauseMs));
  }

  /** They stop by themselves at a fence: what they would write after a restore is not in question. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#all);
  }

  get acknowledged(): readonly string[] {
    return this.writes.filter(({ notAfter }) => notAfter !== undefined).map(({ id }) => id);
  }

  /** What must, and what may, be there of a database that was brought to this place in the log. */
  expectedAt(lsn: string): { readonly must: readonly string[]; readonly may: readonly string[] } {
    const at = parseLsn(lsn);
    const must = this.writes.filter(({ notAfter }) => notAfter !== undefined && notAfter <= at);
    const may = this.writes.filter(({ notBefore }) => notBefore < at);
    return { must: must.map(({ id }) => id), may: may.map(({ id }) => id) };
  }

  async #write(url: string, name: string, pauseMs: number): Promise<void> {
    let client: Client | undefined;
    for (let number = 0; !this.#isStopped; number += 1) {
      try {
        client ??= await connected(url);
        await this.#writeOnce(client, `${name}-${number}`);
      } catch (error) {
        await client?.end().catch(() => undefined);
        client = undefined;
        if ((error as { code?: string }).code === READ_ONLY) return;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await client?.end().catch(() => undefined);
  }

  async #writeOnce(client: Client, id: string): Promise<void> {
    await client.query('BEGIN');
    await client.query('INSERT INTO w1 VALUES ($1)', [id]);
    await client.query('INSERT INTO w2 VALUES ($1)', [id]);
    const write: Write = { id, notBefore: await lsnOf(client) };
    this.writes.push(write);
    await client.query('COMMIT');
    write.notAfter = await lsnOf(client);
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'application' });
  // A session that is ended while it is idle tells so by an event; the next query fails by itself.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function lsnOf(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ lsn: string }>(INSERT_LSN);
  return parseLsn(rows[0]?.lsn ?? '0/0');
}
