/** A history that is replayed leaves the catalog that it leaves on a server. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { readCatalog } from '../../lambda/migrate/catalog/read-catalog';
import type { Session } from '../../lambda/ports/database';
import type { Catalog } from '../../lambda/sql/catalog';
import { effectsOf, type StatementEffects } from '../../lambda/sql/effects/effects';
import { quotedName } from '../../lambda/sql/names';
import { parseScript, type SqlStatement } from '../../lambda/sql/parse';
import builtIns from '../../lambda/sql/replay/built-ins.json';
import { ReplayedCatalog } from '../../lambda/sql/replay/replayed-catalog';
import { readBuiltIns } from '../../scripts/read-built-ins';
import { differenceOf, pictureOf } from '../support/catalog-picture';
import { projectRoot, useCluster } from '../support/cluster';
import { ALTER_TABLE_CASES } from '../support/lock-cases-alter-table';
import { CREATE_CASES, DROP_CASES } from '../support/lock-cases-create';
import { ALTER_CASES, REST_CASES } from '../support/lock-cases-other';
import { LOCK_SCHEMA } from '../support/lock-schema';
import { REPLAY_BEGIN, REPLAY_HISTORIES, statement } from '../support/replay-histories';

const isFull = process.env.GODWIT_REPLAY === 'full';
const seed = Number(process.env.GODWIT_REPLAY_SEED ?? Date.now() % 1_000_000);
const SAMPLE = 24;

jest.setTimeout(isFull ? 30 * 60_000 : 60_000);

const server = useCluster();

const SAME = { missing: [], wrong: [] };

async function connect(): Promise<Session> {
  return (await server.freshDatabase()).connect({ applicationName: 'test' });
}

async function statementsIn(sql: string): Promise<readonly SqlStatement[]> {
  return (await parseScript(sql)).statements;
}

/** All that there is, as checks of statements on all of it would read it. */
async function readAll(session: Session): Promise<Catalog> {
  const { rows } = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')`,
  );
  const statements = await statementsIn(rows.map((name) => `LOCK TABLE ${quotedName(name)}`).join(';'));
  return readCatalog(session, statements, 'checks');
}

/** What the server refuses, no history has. */
async function runBoth(session: Session, replayed: ReplayedCatalog, sql: string): Promise<number> {
  let run = 0;
  for (const each of await statementsIn(sql)) {
    const isDone = await session.query(each.sql).then(
      () => true,
      () => false,
    );
    if (!isDone) continue;
    replayed.apply(each);
    run += 1;
  }
  return run;
}

const compare = (real: Catalog, replayed: Catalog) => differenceOf(pictureOf(real), pictureOf(replayed));

test('the types and functions that come with a server are those that its own catalog has', async () => {
  const session = await connect();
  try {
    expect(await readBuiltIns(session)).toEqual(builtIns);
  } finally {
    await session.close();
  }
});

const folder = join(projectRoot, 'prisma', 'migrations');
const wedefidaily = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => readFileSync(join(folder, name, 'migration.sql'), 'utf8'))
  .join('\n');

test.each<readonly [string, string]>([['WeDefiDaily’s migrations', wedefidaily], ...REPLAY_HISTORIES])(
  '%s',
  async (_, sql) => {
    const session = await connect();
    try {
      const replayed = ReplayedCatalog.from();
      expect(await runBoth(session, replayed, sql)).toBe((await statementsIn(sql)).length);
      const real = await readAll(session);
      expect(compare(real, replayed.catalog)).toEqual(SAME);
      expect(compare(real, ReplayedCatalog.from(real).catalog)).toEqual(SAME);
    } finally {
      await session.close();
    }
  },
);

test(`random histories (seed ${seed})`, async () => {
  const session = await connect();
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 30, maxLength: 60 }), async (statements) => {
        await session.query('DROP SCHEMA public CASCADE');
        await session.query('DROP PUBLICATION IF EXISTS everything, pub0, pub1, pub2');
        const replayed = ReplayedCatalog.from();
        await runBoth(session, replayed, [`CREATE SCHEMA public;${REPLAY_BEGIN}`, ...statements].join(';\n'));
        expect(compare(await readAll(session), replayed.catalog)).toEqual(SAME);
      }),
      { seed, numRuns: isFull ? 300 : 4 },
    );
  } finally {
    await session.close();
  }
});

/** Numbers differ from server to server. */
const shownEffects = (effects: StatementEffects) => ({
  ...effects,
  locks: effects.locks
    .map(({ relation, mode, lockable }) => `${relation.schema}.${relation.name} ${mode} ${lockable}`)
    .sort(),
  scans: effects.scans.map(({ schema, name }) => `${schema}.${name}`).sort(),
  rewrites: effects.rewrites.map(({ schema, name }) => `${schema}.${name}`).sort(),
});

describe('on a schema with something of everything, one more statement', () => {
  let session: Session;
  let before: ReplayedCatalog;
  beforeAll(async () => {
    session = await connect();
    // Without a server its time zone is not known, and then a change between timestamps may write the table anew.
    await session.query("SET TimeZone = 'Europe/Berlin'");
    await session.query('SET allow_in_place_tablespaces = on');
    await session.query("CREATE TABLESPACE elsewhere LOCATION ''");
    before = ReplayedCatalog.from();
    await runBoth(session, before, LOCK_SCHEMA);
  });
  afterAll(() => session.close());

  /** It makes an index anew that was incomplete, and completes it. */
  const UNFOLLOWED: readonly string[] = ['ALTER TABLE parted ALTER COLUMN v TYPE bigint'];

  const all = [...ALTER_TABLE_CASES, ...ALTER_CASES, ...CREATE_CASES, ...DROP_CASES, ...REST_CASES].filter(
    (sql) => !UNFOLLOWED.includes(sql),
  );
  const cases = isFull ? all : fc.sample(fc.constantFrom(...all), { seed, numRuns: SAMPLE });

  test.each(cases)(
    `has the effects, and leaves the catalog, that it does on the server (seed ${seed}): %s`,
    async (sql) => {
      const [one] = await statementsIn(sql);
      if (one === undefined) throw new Error(`no statement in ${sql}`);
      await session.query('BEGIN');
      try {
        const replayed = before.copy();
        const foretold = effectsOf(one, await readCatalog(session, [one]));
        const isClear = replayed.unclear.length === 0;
        if (!sql.includes('EXTENSION')) {
          expect(shownEffects(effectsOf(one, replayed.catalog))).toEqual(shownEffects(foretold));
        }
        await session.query(sql);
        replayed.apply(one);
        if (isClear && replayed.unclear.length > 0) return;
        expect(compare(await readAll(session), replayed.catalog)).toEqual(SAME);
      } finally {
        await session.query('ROLLBACK');
      }
    },
  );
});
