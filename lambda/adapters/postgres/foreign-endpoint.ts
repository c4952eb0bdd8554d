/** Somebody else's server: its writes can be fenced from a session, but Godwit cannot put another instance in its place. */
import { GodwitError } from '../../domain/errors';
import type { Database } from '../../ports/database';
import type { Endpoint, EndpointState } from '../../ports/endpoint';
import { isFenced, lowerFence, raiseFence } from './write-fence';

/** Only a home that makes instances can cut over to one. */
export class CutOverImpossible extends GodwitError {
  override readonly name = 'CutOverImpossible';
  readonly kind = 'refused';

  constructor({ address }: Database) {
    super(
      `Godwit cannot put another instance in the place of ${address.host}:${address.port}. ` +
        'Restore that server by its own means.',
    );
  }
}

export class ForeignEndpoint implements Endpoint {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async inspect(): Promise<EndpointState> {
    // The server remembers that it is fenced, not since when or why.
    return (await isFenced(this.#database))
      ? { state: 'fenced', since: '', reason: 'default_transaction_read_only' }
      : { state: 'serving' };
  }

  fence(): Promise<void> {
    return raiseFence(this.#database);
  }

  unfence(): Promise<void> {
    return lowerFence(this.#database);
  }

  async cutOver(): Promise<never> {
    throw new CutOverImpossible(this.#database);
  }
}
