import { useCluster } from '../support/cluster';
import type { CrashQuery } from '../support/crash-child';
import { CRASH_KINDS, type CrashKind } from '../support/crash-kinds';
import { CrashMatrix, createCrashRole, type Kill, type Random, randomFrom } from '../support/crash-matrix';

/** `npm run test:crash`; otherwise a sample, another one each time. */
const isFull = process.env.GODWIT_CRASH === 'full';
const seed = Number(process.env.GODWIT_CRASH_SEED ?? Date.now() % 1_000_000);

const server = useCluster({ template: async (database) => createCrashRole(database) });
let matrix: CrashMatrix;

beforeAll(() => {
  matrix = new CrashMatrix(server);
});
afterAll(async () => {
  await matrix.close();
  told(`${matrix.kills} kills in all`);
});

const told = (line: string): void => {
  if (isFull) process.stderr.write(`Crash matrix, seed ${seed}: ${line}\n`);
};

const pick = (random: Random, size: number): number => Math.floor(random() * size);

/** Some points of each sort, as many as asked for; `boundaries`: before each query, evenly spread where not all. */
function killsOf(
  kind: CrashKind,
  asked: readonly CrashQuery[],
  random: Random,
  counts: { boundaries: number; within: number; server: number; held: number },
): Kill[] {
  const queries = asked.length;
  const spread = (count: number): number[] => {
    const stride = Math.max(1, queries / count);
    const first = random() * stride;
    const size = Math.min(count, queries);
    return Array.from(
      { length: size },
      (_, place) => 1 + Math.min(queries - 1, Math.floor(first + place * stride)),
    );
  };
  const within = (): Pick<Kill, 'query' | 'after'> => {
    const query = 1 + pick(random, queries);
    return { query, after: random() * 1.5 * ((asked[query - 1]?.durationMs ?? 0) + 1) };
  };
  const sometimesAgain = (): Pick<Kill, 'again'> => ({
    again: random() < 0.2 ? 1 + pick(random, queries) : undefined,
  });
  const concurrent = asked.flatMap(({ sql }, place) => (sql.includes('CONCURRENTLY') ? [place + 1] : []));
  const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  return [
    ...spread(counts.boundaries).map((query): Kill => ({ of: 'executor', query, ...sometimesAgain() })),
    ...times(counts.within, (): Kill => ({ of: 'executor', ...within(), ...sometimesAgain() })),
    ...spread(counts.server).map((query): Kill => ({ of: 'server', query, ...sometimesAgain() })),
    ...times(Math.ceil(counts.server / 2), (): Kill => ({ of: 'server', ...within() })),
    ...times(Math.ceil(counts.server / 2), (): Kill => ({ of: 'backend', ...within() })),
    ...(kind.held === undefined
      ? []
      : times(counts.held, (): Kill => {
          const of = (['backend', 'backend', 'server', 'executor'] as const)[pick(random, 4)] ?? 'backend';
          return {
            of,
            query: concurrent[pick(random, concurrent.length)] ?? 1,
            after: random() * 100,
            held: random() < 0.5 ? 'ROW EXCLUSIVE' : 'ACCESS SHARE',
            // The server looks once a second whether its client still lives.
            heldOnMs: of === 'executor' ? 1_300 : undefined,
            ...sometimesAgain(),
          };
        })),
  ];
}

const COUNTS = isFull
  ? { boundaries: 200, within: 12, server: 10, held: 30 }
  : { boundaries: 2, within: 1, server: 0, held: 1 };

const shuffled = <T>(items: readonly T[], random: Random): T[] =>
  items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);

async function inLanes<T>(
  lanes: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Of the sample, too: those that leave remnants, and one that would count twice. */
const ALWAYS = ['indexes', 'backfill'];
const KINDS = isFull
  ? CRASH_KINDS
  : shuffled(CRASH_KINDS, randomFrom(seed)).filter(({ name }, place) => place < 1 || ALWAYS.includes(name));

describe('a migration that is killed', () => {
  test.each(KINDS.map((kind) => [kind.name, kind] as const))(
    '(%s) at whatever point ends, run again, as if nothing had happened',
    async (name, kind) => {
      const began = Date.now();
      const random = randomFrom(seed + CRASH_KINDS.indexOf(kind));
      const { queries } = await matrix.prepared(kind);
      const before = matrix.kills;
      let missed = 0;
      const wrong: unknown[] = [];
      const suffer = async (kill: Kill): Promise<void> => {
        const result = await matrix
          .run(kind, kill)
          .catch((error: unknown) => ({ missed: false, point: undefined, wrong: String(error) }));
        if (result.missed) missed += 1;
        if (result.wrong !== undefined) wrong.push({ kill, ...result });
      };
      const kills = killsOf(kind, queries, random, COUNTS);
      await inLanes(
        2,
        kills.filter(({ of }) => of === 'executor'),
        suffer,
      );
      // With the server, everything on it dies.
      await inLanes(
        1,
        kills.filter(({ of }) => of !== 'executor'),
        suffer,
      );
      const seconds = Math.round((Date.now() - began) / 1000);
      told(
        `${name}: ${matrix.kills - before} kills (${missed} points not reached) around ${queries.length} queries in ${seconds} s`,
      );
      expect({ seed, wrong }).toEqual({ seed, wrong: [] });
    },
    600_000,
  );

  test('while its statement goes on without it: the next one waits for that to end', async () => {
    const kind = CRASH_KINDS.find(({ held }) => held !== undefined);
    if (kind === undefined) throw new Error('No kind waits for old transactions.');
    const { queries } = await matrix.prepared(kind);
    const query = 1 + queries.findIndex(({ sql }) => sql.startsWith('CREATE INDEX CONCURRENTLY'));
    const kill: Kill = { of: 'executor', query, after: 100, held: 'ROW EXCLUSIVE', heldOnMs: 1_500 };
    expect(await matrix.run(kind, kill)).toMatchObject({ missed: false, wrong: undefined });
  });

  test("leads to a state in which Prisma's engine finds nothing amiss", async () => {
    for (const kind of KINDS.filter(({ direction }) => direction === 'up')) {
      const { undisturbed } = await matrix.prepared(kind);
      const diagnosis = { hasLedger: true, pending: [], edited: [], failed: [], missing: [] };
      expect(undisturbed).toMatchObject({ diagnosis });
    }
  });
});
