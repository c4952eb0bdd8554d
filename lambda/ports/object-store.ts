/** Small versioned objects with conditional writes: the journal, leases and single-use decisions. */

export interface StoredObject {
  readonly body: string;
  /** Opaque; changes with every write. */
  readonly version: string;
}

export type PutResult =
  | { readonly outcome: 'written'; readonly version: string }
  /** Somebody else wrote first: read again and decide anew. */
  | { readonly outcome: 'conflict' };

export interface ObjectStore {
  /** `undefined` only where the object does not exist; every other failure throws. */
  get(key: string): Promise<StoredObject | undefined>;
  putIfAbsent(key: string, body: string): Promise<PutResult>;
  putIfMatch(key: string, body: string, version: string): Promise<PutResult>;
  /** Keys that begin with the prefix, sorted by code unit. */
  list(prefix: string): Promise<readonly string[]>;
}
