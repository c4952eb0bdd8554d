import { migrate } from '../../lambda/migrate/executor';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import type { RewrittenMigration } from '../../lambda/sql/rewrite/rewrite';
import { useCluster } from '../support/cluster';
import { corpusBase, migrationOf, rewritten } from '../support/rewrite-corpus';
import { clock } from '../support/wallet-executor';

const server = useCluster({ template: (database) => apply(database, [corpusBase]) });

async function apply(
  database: Database,
  migrations: readonly Pick<RewrittenMigration, 'name' | 'sql'>[],
): Promise<void> {
  const outcome = await migrate({
    database,
    clock,
    runId: 'test',
    migrations: migrations.map(({ name, sql }) => migrationOf(name, sql)),
    maxBlockingMs: 10_000,
    giveUpAfterMs: 10_000,
  });
  expect(outcome).toMatchObject({ outcome: 'applied' });
}

const BALANCE = `"id", "walletId", "tokenId", "priceUsd", "updatedAt"`;
const balance = (id: string): string => `'${id}', 'w', 't', 1, '2026-01-01'`;

/** Takes the parts of the rewriting one after the other, and lets the application write behind each. */
async function inStages(
  sql: string,
  behind: readonly ((session: Session) => Promise<void>)[],
): Promise<readonly Record<string, unknown>[]> {
  const database = await server.freshDatabase();
  const inSession = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    withSession(database, { applicationName: 'test' }, work);
  await inSession((session) =>
    session.query(
      `INSERT INTO "TokenBalance" (${BALANCE}, "source", "block") VALUES (${balance('1')}, 'first', 1)`,
    ),
  );
  const { migrations } = await rewritten(sql);
  expect(migrations).toHaveLength(behind.length);
  for (const [index, migration] of migrations.entries()) {
    await apply(database, [migration]);
    await inSession(behind[index] ?? (async () => undefined));
  }
  return inSession(
    async (session) => (await session.query('SELECT * FROM "TokenBalance" ORDER BY "id"')).rows,
  );
}

test('a renamed column takes writes under either name until the old one is gone', async () => {
  const rows = await inStages('ALTER TABLE "TokenBalance" RENAME COLUMN "source" TO "origin";', [
    async (session) => {
      await session.query(
        `INSERT INTO "TokenBalance" (${BALANCE}, "source") VALUES (${balance('2')}, 'by the old release')`,
      );
      await session.query(
        `INSERT INTO "TokenBalance" (${BALANCE}, "origin") VALUES (${balance('3')}, 'by the new release')`,
      );
      await session.query(`INSERT INTO "TokenBalance" (${BALANCE}, "source") VALUES (${balance('4')}, 'x')`);
      await session.query(
        `UPDATE "TokenBalance" SET "source" = 'changed by the old release' WHERE "id" = '1'`,
      );
      await session.query(
        `UPDATE "TokenBalance" SET "origin" = 'changed by the new release' WHERE "id" = '4'`,
      );
      const { rows: both } = await session.query(
        'SELECT FROM "TokenBalance" WHERE "source" IS DISTINCT FROM "origin"',
      );
      expect(both).toEqual([]);
    },
    async (session) => {
      await session.query(
        `INSERT INTO "TokenBalance" (${BALANCE}, "origin") VALUES (${balance('5')}, 'afterwards')`,
      );
    },
  ]);
  expect(rows.map(({ origin }) => origin)).toEqual([
    'changed by the old release',
    'by the old release',
    'by the new release',
    'changed by the new release',
    'afterwards',
  ]);
  expect(Object.keys(rows[0] ?? {})).not.toContain('source');
});

test('a column of a wider type is in step before the switch, and the former one as far as it can after it', async () => {
  const rows = await inStages('ALTER TABLE "TokenBalance" ALTER COLUMN "block" TYPE BIGINT;', [
    async (session) => {
      await session.query(`UPDATE "TokenBalance" SET "block" = 7 WHERE "id" = '1'`);
      await session.query(
        `INSERT INTO "TokenBalance" (${BALANCE}, "source", "block") VALUES (${balance('2')}, 's', 8)`,
      );
    },
    async (session) => {
      const large = '5000000000';
      await session.query(
        `INSERT INTO "TokenBalance" (${BALANCE}, "source", "block") VALUES (${balance('3')}, 's', ${large})`,
      );
      await session.query(`UPDATE "TokenBalance" SET "block" = 9 WHERE "id" = '2'`);
      const { rows: kept } = await session.query<{ block_old: number | null }>(
        'SELECT "block_old" FROM "TokenBalance" ORDER BY "id"',
      );
      expect(kept.map(({ block_old }) => block_old)).toEqual([7, 9, null]);
    },
    async () => undefined,
  ]);
  expect(rows.map(({ block }) => block)).toEqual(['7', '9', '5000000000']);
});

test('a renamed table is read and written by both names', async () => {
  const written = async (session: Session, table: string, id: string): Promise<void> => {
    await session.query(
      `INSERT INTO "${table}" ("id", "balanceId", "text") VALUES ($1, '1', $1) ON CONFLICT DO NOTHING`,
      [id],
    );
    await session.query(`UPDATE "${table}" SET "text" = "text" || '!' WHERE "id" = $1`, [id]);
  };
  await inStages('ALTER TABLE "Note" RENAME TO "BalanceNote";', [
    async (session) => {
      await written(session, 'Note', 'old');
      await written(session, 'BalanceNote', 'new');
      for (const table of ['Note', 'BalanceNote']) {
        const { rows } = await session.query<{ text: string }>(`SELECT "text" FROM "${table}" ORDER BY "id"`);
        expect(rows.map(({ text }) => text)).toEqual(['new!', 'old!']);
      }
    },
    async (session) => {
      expect((await session.query('SELECT FROM "BalanceNote"')).rowCount).toBe(2);
    },
  ]);
});

test('between expand and contract a row is taken that the next release writes without the column that goes', async () => {
  const rows = await inStages('ALTER TABLE "TokenBalance" DROP COLUMN "source";', [
    async (session) => {
      await session.query(`INSERT INTO "TokenBalance" (${BALANCE}) VALUES (${balance('2')})`);
    },
    async () => undefined,
  ]);
  expect(rows).toHaveLength(2);
});
