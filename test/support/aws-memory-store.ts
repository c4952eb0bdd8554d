/** Objects in memory with versions, for tests of what is built upon the object store. */
import type { ObjectStore, PutResult, StoredObject } from '../../lambda/ports/object-store';

export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, string>();

  async get(key: string): Promise<StoredObject | undefined> {
    const body = this.objects.get(key);
    return body === undefined ? undefined : { body, version: body };
  }

  async putIfAbsent(key: string, body: string): Promise<PutResult> {
    return this.objects.has(key) ? { outcome: 'conflict' } : this.#write(key, body);
  }

  async putIfMatch(key: string, body: string, version: string): Promise<PutResult> {
    return this.objects.get(key) === version ? this.#write(key, body) : { outcome: 'conflict' };
  }

  async list(prefix: string): Promise<readonly string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  #write(key: string, body: string): PutResult {
    this.objects.set(key, body);
    return { outcome: 'written', version: body };
  }
}
