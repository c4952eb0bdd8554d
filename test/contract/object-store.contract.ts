/** What every object store promises. */
import type { ObjectStore, PutResult } from '../../lambda/ports/object-store';

export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  dispose?(): Promise<void>;
}

export function describeObjectStoreContract(name: string, make: () => Promise<ObjectStoreUnderTest>): void {
  describe(`${name} keeps the promises of an object store`, () => {
    let under: ObjectStoreUnderTest;
    let store: ObjectStore;

    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(async () => under.dispose?.());

    it('answers undefined for an object that does not exist', async () => {
      expect(await store.get('runs/none.json')).toBeUndefined();
    });

    it('gives back what was put, with the version that the put announced', async () => {
      const version = written(await store.putIfAbsent('runs/1/journal.json', '{"text":"ü 🐦"}'));
      expect(await store.get('runs/1/journal.json')).toEqual({ body: '{"text":"ü 🐦"}', version });
    });

    it('keeps an empty object apart from an absent one', async () => {
      written(await store.putIfAbsent('empty', ''));
      expect((await store.get('empty'))?.body).toBe('');
    });

    it('does not replace an object where absence was asked for', async () => {
      written(await store.putIfAbsent('lease', 'first'));
      expect(await store.putIfAbsent('lease', 'second')).toEqual({ outcome: 'conflict' });
      expect((await store.get('lease'))?.body).toBe('first');
    });

    it('replaces the version that it was told, and no other', async () => {
      const first = written(await store.putIfAbsent('lease', 'one'));
      const second = written(await store.putIfMatch('lease', 'two', first));
      expect(await store.putIfMatch('lease', 'three', first)).toEqual({ outcome: 'conflict' });
      expect(await store.get('lease')).toEqual({ body: 'two', version: second });
    });

    it('refuses to match a version of an object that does not exist', async () => {
      const version = written(await store.putIfAbsent('other', 'x'));
      expect(await store.putIfMatch('none', 'y', version)).toEqual({ outcome: 'conflict' });
      expect(await store.get('none')).toBeUndefined();
    });

    it('lets exactly one of many win who put what is absent', async () => {
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) => store.putIfAbsent('lease', `holder ${index}`)),
      );
      const winners = results.flatMap((result, index) => (result.outcome === 'written' ? [index] : []));
      expect(winners).toHaveLength(1);
      expect((await store.get('lease'))?.body).toBe(`holder ${winners[0]}`);
    });

    it('lets exactly one of many win who match the same version', async () => {
      const version = written(await store.putIfAbsent('lease', 'start'));
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) => store.putIfMatch('lease', `holder ${index}`, version)),
      );
      const winners = results.flatMap((result, index) => (result.outcome === 'written' ? [index] : []));
      expect(winners).toHaveLength(1);
      expect((await store.get('lease'))?.body).toBe(`holder ${winners[0]}`);
    });

    it('loses no increment when many read, add and match in a loop', async () => {
      written(await store.putIfAbsent('counter', '0'));
      const add = async (): Promise<void> => {
        for (;;) {
          const seen = await store.get('counter');
          if (seen === undefined) throw new Error('the counter is gone');
          const result = await store.putIfMatch('counter', String(Number(seen.body) + 1), seen.version);
          if (result.outcome === 'written') return;
        }
      };
      await Promise.all(Array.from({ length: 8 }, add));
      expect((await store.get('counter'))?.body).toBe('8');
    });

    it('lists the keys that begin with a prefix, sorted by code unit', async () => {
      for (const key of ['runs/b/1', 'runs/a/10', 'runs/a/9', 'runs/a2', 'Runs/x', 'other']) {
        written(await store.putIfAbsent(key, ''));
      }
      expect(await store.list('runs/')).toEqual(['runs/a/10', 'runs/a/9', 'runs/a2', 'runs/b/1']);
      expect(await store.list('runs/a')).toEqual(['runs/a/10', 'runs/a/9', 'runs/a2']);
      expect(await store.list('none/')).toEqual([]);
      expect(await store.list('')).toHaveLength(6);
    });
  });
}

export function written(result: PutResult): string {
  if (result.outcome !== 'written') throw new Error('expected to be written, met a conflict');
  return result.version;
}
