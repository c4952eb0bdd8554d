/** Two writers with short transactions, one after another, each after a short pause. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Random } from '../../demo/application/random';
import { BALANCE_ID, type Sizes } from '../stall/tables';

const WRITERS = 2;
const PAUSE_MS = 4;

export const TRANSFERS = `CREATE TABLE "Transfer" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "from" TEXT NOT NULL,
  "to" TEXT NOT NULL,
  "quantity" DECIMAL(65,30) NOT NULL,
  "at" TIMESTAMP(3) NOT NULL DEFAULT now()
)`;

const MOVE = `UPDATE "TokenBalance" SET "quantity" = "quantity" + $2, "updatedAt" = now() WHERE "id" = ${BALANCE_ID}`;
const RECORD = `INSERT INTO "Transfer" ("from", "to", "quantity")
  SELECT ${BALANCE_ID}, ${BALANCE_ID.replace('$1', '$2')}, $3`;

export class Writers {
  readonly #clients: readonly Client[];
  readonly #work: Promise<unknown>;
  #isStopping = false;

  private constructor(clients: readonly Client[], sizes: Sizes) {
    this.#clients = clients;
    this.#work = Promise.all(clients.map((client, index) => this.#write(client, index, sizes)));
    // Told when they are stopped.
    this.#work.catch(() => {});
  }

  static async start(url: string, sizes: Sizes): Promise<Writers> {
    const clients = Array.from(
      { length: WRITERS },
      () => new Client({ connectionString: url, application_name: 'bench writer' }),
    );
    await Promise.all(clients.map((client) => client.connect()));
    return new Writers(clients, sizes);
  }

  /** @throws what ended a writer */
  async stop(): Promise<void> {
    this.#isStopping = true;
    try {
      await this.#work;
    } finally {
      await Promise.all(this.#clients.map((client) => client.end()));
    }
  }

  /** Each on rows of its own: they never wait for each other's locks. */
  async #write(client: Client, index: number, { balances }: Sizes): Promise<void> {
    const random = new Random(index + 1);
    const ownRow = (): number => 1 + index + WRITERS * random.below(Math.floor(balances / WRITERS));
    while (!this.#isStopping) {
      const [from, to, quantity] = [ownRow(), ownRow(), random.below(1000)];
      await client.query('BEGIN');
      await client.query(MOVE, [from, -quantity]);
      await client.query(MOVE, [to, quantity]);
      await client.query(RECORD, [from, to, quantity]);
      await client.query('COMMIT');
      await sleep(PAUSE_MS);
    }
  }
}
