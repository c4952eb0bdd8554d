import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import {
  claimLease as claimToken,
  type LeaseClaim,
  LeaseHeld,
  releaseLease,
} from '../../lambda/journal/lease';
import type { ObjectStore } from '../../lambda/ports/object-store';

const START = Date.parse('2026-01-31T12:00:00.000Z');
const TTL = 60_000;
const at = (ms: number): Date => new Date(START + ms);

let root: string;
let store: FileObjectStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-lease-'));
  store = new FileObjectStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const claim = (runId: string, more: Partial<LeaseClaim> = {}): LeaseClaim => ({
  database: `db.example:5432/it's "ours"/\n..`,
  runId,
  owner: `owner of ${runId}`,
  ttlMs: TTL,
  now: at(0),
  isOwnerGone: () => false,
  ...more,
});

const claimLease = async (from: ObjectStore, by: LeaseClaim): Promise<number> =>
  (await claimToken(from, by)).number;

describe('the lease on a database', () => {
  it('is exclusive, and tells who holds it and until when', async () => {
    expect(await claimLease(store, claim('one'))).toBe(1);
    const refused = claimLease(store, claim('two', { now: at(TTL - 1) }));
    await expect(refused).rejects.toThrow(LeaseHeld);
    await expect(refused).rejects.toThrow(
      'is being worked on by run one (owner of one) until at least 2026-01-31T12:01:00.000Z',
    );
    await expect(refused).rejects.toMatchObject({ holder: { runId: 'one', fencingToken: 1 } });
  });

  it('is one for each database', async () => {
    await claimLease(store, claim('one'));
    expect(await claimLease(store, claim('two', { database: 'db.example:5432/other' }))).toBe(1);
  });

  it('is free once it has expired', async () => {
    await claimLease(store, claim('one'));
    expect(await claimLease(store, claim('two', { now: at(TTL) }))).toBe(2);
    await expect(claimLease(store, claim('one', { now: at(TTL) }))).rejects.toThrow(LeaseHeld);
  });

  it('is extended by its holder, even late, under the same token', async () => {
    await claimLease(store, claim('one'));
    expect(await claimLease(store, claim('one', { now: at(TTL / 2) }))).toBe(1);
    await expect(claimLease(store, claim('two', { now: at(TTL) }))).rejects.toThrow(LeaseHeld);
    expect(await claimLease(store, claim('one', { now: at(10 * TTL) }))).toBe(1);
    await expect(claimLease(store, claim('two', { now: at(10 * TTL) }))).rejects.toThrow(LeaseHeld);
  });

  it('is taken over at once where its holder is gone for sure, and by nobody who thinks of another', async () => {
    await claimLease(store, claim('one'));
    const isOwnerGone = (owner: string): boolean => owner === 'owner of one';
    await expect(
      claimLease(store, claim('two', { isOwnerGone: (owner) => !isOwnerGone(owner) })),
    ).rejects.toThrow(LeaseHeld);
    expect(await claimLease(store, claim('two', { isOwnerGone }))).toBe(2);
    await expect(claimLease(store, claim('one'))).rejects.toThrow(LeaseHeld);
  });

  it('changes hands between two processes of one run, and between two runs of one process', async () => {
    await claimLease(store, claim('one'));
    await expect(claimLease(store, claim('one', { owner: 'another process' }))).rejects.toThrow(LeaseHeld);
    await expect(claimLease(store, claim('two', { owner: 'owner of one' }))).rejects.toThrow(LeaseHeld);
    expect(await claimLease(store, claim('one', { owner: 'another process', isOwnerGone: () => true }))).toBe(
      2,
    );
  });

  it('has a token that grows with every change of hands and never otherwise', async () => {
    const tokens: number[] = [];
    let ms = 0;
    for (const runId of ['one', 'one', 'two', 'two', 'one', 'three']) {
      tokens.push(await claimLease(store, claim(runId, { now: at(ms) })));
      await releaseLease(store, claim(runId, { now: at(ms) }));
      ms += 1;
    }
    expect(tokens).toEqual([1, 1, 2, 2, 3, 4]);
  });
});

describe('the realm of a fencing token', () => {
  it('stays the same while leases follow each other, and is another in another journal or after a deleted lease', async () => {
    const first = await claimToken(store, claim('one'));
    const second = await claimToken(store, claim('two', { now: at(TTL) }));
    expect(second).toEqual({ realm: first.realm, number: first.number + 1 });
    await rm(join(root, 'leases'), { recursive: true });
    const anew = await claimToken(store, claim('three'));
    expect(anew.number).toBe(1);
    expect(anew.realm).not.toBe(first.realm);
  });

  it('is given to a lease of before there were realms', async () => {
    await claimToken(store, claim('one'));
    const [key = ''] = await store.list('leases/');
    const { realm: _, ...old } = JSON.parse((await store.get(key))?.body ?? '') as Record<string, unknown>;
    await store.putIfMatch(key, JSON.stringify(old), (await store.get(key))?.version ?? '');
    const renewed = await claimToken(store, claim('one', { now: at(1) }));
    expect(renewed).toEqual({ realm: expect.stringMatching(/.{36}/), number: 1 });
    expect(await claimToken(store, claim('one', { now: at(2) }))).toEqual(renewed);
  });
});

describe('releasing a lease', () => {
  it('frees it at once', async () => {
    await claimLease(store, claim('one'));
    await releaseLease(store, claim('one', { now: at(5) }));
    expect(await claimLease(store, claim('two', { now: at(5) }))).toBe(2);
  });

  it('frees only its own', async () => {
    await claimLease(store, claim('one'));
    await releaseLease(store, claim('two'));
    await releaseLease(store, claim('one', { owner: 'another process' }));
    await expect(claimLease(store, claim('two'))).rejects.toThrow(LeaseHeld);
  });

  it('is no error where there is none', async () => {
    await releaseLease(store, claim('one'));
    expect(await claimLease(store, claim('one'))).toBe(1);
  });

  it('frees it although a last renewal comes in between', async () => {
    await claimLease(store, claim('one'));
    await releaseLease(
      interrupted(() => claimLease(store, claim('one', { now: at(1) }))),
      claim('one', { now: at(2) }),
    );
    expect(await claimLease(store, claim('two', { now: at(2) }))).toBe(2);
  });

  it('leaves it to whoever took over in between', async () => {
    await claimLease(store, claim('one'));
    await releaseLease(
      interrupted(() => claimLease(store, claim('two', { now: at(TTL) }))),
      claim('one', { now: at(TTL) }),
    );
    await expect(claimLease(store, claim('one', { now: at(TTL) }))).rejects.toThrow(LeaseHeld);
  });
});

describe('claims at the same time', () => {
  it.each([
    ['nobody held it', async () => undefined],
    ['it has expired', async () => claimLease(store, claim('old', { now: at(-TTL) }))],
  ])('are won by exactly one where %s', async (_, prepare) => {
    for (let round = 0; round < 5; round += 1) {
      store = new FileObjectStore(join(root, `${round}`));
      await prepare();
      const claims = ['one', 'two', 'three'].map((runId) => claimLease(store, claim(runId)));
      const results = await Promise.allSettled(claims);
      const lost = results.filter((result) => result.status === 'rejected');
      expect(lost).toHaveLength(2);
      for (const result of lost) expect(result.reason).toBeInstanceOf(LeaseHeld);
    }
  });

  it('of one holder all succeed', async () => {
    const tokens = await Promise.all([1, 2, 3].map((ms) => claimLease(store, claim('one', { now: at(ms) }))));
    expect(tokens).toEqual([1, 1, 1]);
  });
});

/** The store, with something that happens once between the reading and the writing. */
function interrupted(by: () => Promise<unknown>): ObjectStore {
  let hasHappened = false;
  return {
    get: (key) => store.get(key),
    putIfAbsent: (key, body) => store.putIfAbsent(key, body),
    list: (prefix) => store.list(prefix),
    putIfMatch: async (key, body, version) => {
      if (!hasHappened) {
        hasHappened = true;
        await by();
      }
      return store.putIfMatch(key, body, version);
    },
  };
}
