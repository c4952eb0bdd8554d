/** One `pg` connection behind the Session port: statements one after another, errors typed, an end that always comes. */
import type { Client } from 'pg';
import { ConnectionLost, type DatabaseAddress, type QueryRows, type Session } from '../../ports/database';
import { asQueryError } from './pg-errors';

/** A peer that is gone without a word never acknowledges the goodbye. */
const CLOSE_LIMIT_MS = 2_000;

export class PgSession implements Session {
  readonly backendPid: number;
  readonly #client: Client;
  readonly #address: DatabaseAddress;
  readonly #fatal: () => unknown;
  #tail: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(client: Client, address: DatabaseAddress, backendPid: number, fatal: () => unknown) {
    this.#client = client;
    this.#address = address;
    this.backendPid = backendPid;
    this.#fatal = fatal;
  }

  /** Of several statements in one string, the rows of the last. */
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<QueryRows<Row>> {
    // One after another: what is asked while a statement runs waits here, not in `pg`, which gives that up in 9.0.
    const answer = this.#tail.then(() => this.#ask<Row>(sql, values));
    this.#tail = answer.catch(() => undefined);
    return answer;
  }

  async #ask<Row>(sql: string, values: readonly unknown[] | undefined): Promise<QueryRows<Row>> {
    if (this.#closing) throw new ConnectionLost(this.#address, 'the session was closed');
    try {
      const result: unknown =
        values === undefined
          ? await this.#client.query(sql)
          : await this.#client.query(sql, values.map(asParameter));
      return rowsOf<Row>(result);
    } catch (error) {
      throw asQueryError(this.#address, error, this.#fatal());
    }
  }

  /** Ends a statement that still runs: its connection is cut, and the server notices within its check interval. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), CLOSE_LIMIT_MS);
    });
    const ended = this.#client.end().catch(() => undefined);
    if ((await Promise.race([ended, limit])) === 'late') cut(this.#client);
    clearTimeout(timer);
  }
}

function cut(client: Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  connection.stream.destroy();
}

function rowsOf<Row>(result: unknown): QueryRows<Row> {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const { rows, rowCount } = last as { rows: Row[]; rowCount: number | null };
  return { rows: rows ?? [], rowCount: rowCount ?? 0 };
}

/** `pg` writes Dates in local time with an offset, which a column without time zone ignores: Prisma keeps UTC there. */
const asParameter = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);
