/** Bad input of every kind: one clear message that names the object and the way out, the promised exit code, no change. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { pictureCatalog } from '../../lambda/checks/catalog';
import { withSession } from '../../lambda/ports/database';
import { type Finished, godwit, temporaryFolder, writePrismaFolder } from '../support/cli';
import { INIT, writeSmallProject } from '../support/small-project';

const ADD_NOTE = { name: '20260102000000_add_note', up: 'ALTER TABLE "Account" ADD COLUMN "note" TEXT;' };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataDir: string;
let url: string;
let good: string;
let counter = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder.path, 'data');
  url = String((await godwit(['up', '--json', '--data-dir', dataDir])).result.url);
  good = await writeSmallProject(join(folder.path, 'good'));
  expect(await deploy(good)).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await godwit(['reset', '--yes', '--data-dir', dataDir]);
  await folder.remove();
});

const deploy = (prisma: string, ...more: string[]) =>
  godwit(['deploy', '--json', '--data-dir', dataDir, '--prisma', prisma, ...more]);

const picture = () =>
  withSession(new PgDatabase(parseDatabaseUrl(url)), { applicationName: 'godwit-test' }, pictureCatalog);

async function ledger(): Promise<unknown[]> {
  return sql('select * from _prisma_migrations order by started_at');
}

async function sql(text: string, connectionString = url): Promise<unknown[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A copy of the good folder with some files changed; an undefined content removes the file. */
async function folderWith(changes: Readonly<Record<string, string | undefined>>): Promise<string> {
  counter += 1;
  const copy = await writeSmallProject(join(folder.path, `prisma-${counter}`));
  for (const [file, content] of Object.entries(changes)) {
    if (content === undefined) await rm(join(copy, file));
    else await writePrismaFolder(copy, { [file]: content });
  }
  return copy;
}

async function refusal(work: () => Promise<Finished>, code: number, ...words: string[]): Promise<void> {
  const before = [await picture(), await ledger()];
  const end = await work();
  const said = `${end.stderr}${end.stdout}`;
  for (const word of words) expect(said).toContain(word);
  expect(end.code).toBe(code);
  expect([await picture(), await ledger()]).toEqual(before);
}

describe('a migrations folder', () => {
  const bad = 'migrations/20260102000000_bad/migration.sql';
  test.each([
    [
      'with a syntax error',
      { [bad]: 'ALTER TABLE "Account"\n  ADD COLUMNN "x" TEXT;' },
      [bad, ':2', 'syntax error'],
    ],
    ['with an empty file', { [bad]: '-- nothing here\n' }, [bad]],
    ['with a transaction of its own', { [bad]: 'BEGIN; SELECT 1; COMMIT;' }, [bad, 'BEGIN']],
    [
      'with a syntax error in a down script',
      { [bad]: 'SELECT 1;', 'migrations/20260102000000_bad/down.sql': 'DROP TABL x' },
      ['20260102000000_bad/down.sql'],
    ],
    ['without its schema', { 'schema.prisma': undefined }, ['schema.prisma']],
    [
      'with a faulty invariant',
      { 'invariants/total.sql': 'SELECT 1' },
      ['invariants/total.sql', '-- invariant:'],
    ],
  ])(
    '%s is refused with exit code 2',
    async (_name, changes: Readonly<Record<string, string | undefined>>, words) => {
      const prisma = await folderWith(changes);
      await refusal(() => deploy(prisma), 2, ...words);
    },
  );

  test('with a folder that lacks its migration.sql is refused with exit code 2', async () => {
    const prisma = await folderWith({});
    await mkdir(join(prisma, 'migrations', '20260102000000_lost'));
    await refusal(() => deploy(prisma), 2, 'migrations/20260102000000_lost', 'migration.sql');
  });

  test('that does not exist is refused with exit code 2', async () => {
    await refusal(() => deploy(join(folder.path, 'nowhere')), 2, 'nowhere');
  });

  test('whose applied file was changed is refused with exit code 3', async () => {
    const prisma = await folderWith({
      [`migrations/${INIT}/migration.sql`]: 'CREATE TABLE "Other" ("id" TEXT PRIMARY KEY);',
    });
    await refusal(() => deploy(prisma), 3, INIT, 'changed after it had been applied');
  });

  test('that lacks an applied migration is refused with exit code 3', async () => {
    const prisma = await folderWith({ 'migrations/20260102000000_other/migration.sql': 'SELECT 1;' });
    await rm(join(prisma, 'migrations', INIT), { recursive: true });
    await refusal(() => deploy(prisma), 3, INIT, 'not in the folder');
  });

  test('with a migration that sorts before an applied one is refused with exit code 3', async () => {
    const prisma = await folderWith({ 'migrations/20251231000000_early/migration.sql': 'SELECT 1;' });
    await refusal(() => deploy(prisma), 3, '20251231000000_early', 'sorts before');
  });
});

describe('a database', () => {
  test('with a failed earlier migration is refused with exit code 3 and told how to resolve it', async () => {
    const name = '20260102000000_failed';
    const prisma = await folderWith({ [`migrations/${name}/migration.sql`]: 'SELECT 1;' });
    await sql(
      `insert into _prisma_migrations (id, checksum, migration_name, logs) values ('failed', 'x', '${name}', 'boom')`,
    );
    await refusal(() => deploy(prisma), 3, name, `godwit resolve --rolled-back ${name}`);
    await sql(`delete from _prisma_migrations where id = 'failed'`);
  });

  test('that drifted is refused with exit code 3', async () => {
    await sql('alter table "Account" add column "by hand" text');
    const prisma = await writeSmallProject(join(folder.path, 'drifted'), [ADD_NOTE]);
    await refusal(() => deploy(prisma), 3, 'by hand');
    await sql('alter table "Account" drop column "by hand"');
  });

  test('with tables and no history is refused with exit code 3 and told of baseline', async () => {
    await sql('alter table _prisma_migrations rename to kept');
    const end = await deploy(good);
    await sql('alter table kept rename to _prisma_migrations');
    expect(end.code).toBe(3);
    expect(end.stderr + end.stdout).toContain('godwit baseline');
  });

  test('that is not reachable is refused with exit code 3', async () => {
    const prisma = await writeSmallProject(join(folder.path, 'unreachable'), [ADD_NOTE]);
    await refusal(
      () => deploy(prisma, '--database-url', 'postgresql://app:s3cret@127.0.0.1:1/nowhere'),
      3,
      '127.0.0.1:1',
      'not reachable',
    );
  });

  test('whose URL is malformed is refused with exit code 2 without showing the password', async () => {
    const end = await deploy(good, '--database-url', 'postgres:/app:s3cret@/nowhere');
    expect(end.code).toBe(2);
    expect(end.stderr + end.stdout).not.toContain('s3cret');
  });

  test('on which the role has too few rights is refused with exit code 3', async () => {
    await sql(`create role powerless login password 'weak'`);
    await sql('grant select on all tables in schema public to powerless');
    const weak = new URL(url);
    weak.username = 'powerless';
    weak.password = 'weak';
    const prisma = await writeSmallProject(join(folder.path, 'powerless'), [ADD_NOTE]);
    await refusal(() => deploy(prisma, '--database-url', weak.href), 3, 'powerless', 'GRANT');
  });

  test('that is read-only is refused with exit code 3', async () => {
    await sql('alter database wedefidaily set default_transaction_read_only = on');
    const prisma = await writeSmallProject(join(folder.path, 'read-only'), [ADD_NOTE]);
    await refusal(() => deploy(prisma), 3, 'read-only', 'RESET default_transaction_read_only');
    const writable = new URL(url);
    writable.searchParams.set('options', '-c default_transaction_read_only=off');
    await sql('alter database wedefidaily reset default_transaction_read_only', writable.href);
  });
});

describe('the embedded cluster', () => {
  test('whose archive folder takes no more WAL is refused with exit code 3', async () => {
    const archive = join(dataDir, 'archive');
    const prisma = await writeSmallProject(join(folder.path, 'archive'), [ADD_NOTE]);
    await sql('select pg_switch_wal()');
    await chmod(archive, 0o000);
    try {
      await sql('create table filler as select 1; drop table filler; select pg_switch_wal()');
      await waitFor(async () => {
        const [row] = (await sql('select failed_count::int as failed from pg_stat_archiver')) as {
          failed: number;
        }[];
        return (row?.failed ?? 0) > 0;
      });
      await refusal(() => deploy(prisma), 3, 'WAL archive', archive);
    } finally {
      await chmod(archive, 0o700);
    }
  });

  test('asked for a port in use is refused and names the port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const end = await godwit(['up', '--port', String(port), '--data-dir', join(folder.path, 'second')]);
    await new Promise((resolve) => server.close(resolve));
    expect(end.stderr).toContain(String(port));
    expect(end.code).toBe(2);
  });

  test('is not started in a folder that holds something else', async () => {
    const strange = join(folder.path, 'strange');
    await mkdir(join(strange, 'cluster'), { recursive: true });
    await writeFile(join(strange, 'cluster', 'letters.txt'), 'mine');
    const end = await godwit(['up', '--data-dir', strange]);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain(strange);
  });
});

test.each([
  [['run', '--max-blocking', '0'], '--max-blocking'],
  [['deploy', '--terminate-idle', '1.5'], '--terminate-idle'],
  [['run', '--approve', 'maybe'], '--approve'],
  [['run', '--quiet', '--verbose'], '--quiet'],
  [['seed', '--scale', 'large'], '--scale'],
  [['runs', 'dance'], 'dance'],
  [['nonsense'], 'nonsense'],
])('%j is refused with exit code 2', async (args, word) => {
  const end = await godwit([...args, '--data-dir', join(folder.path, 'unused')]);
  expect(end.stderr).toContain(word);
  expect(end.code).toBe(2);
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('what was waited for did not happen within 20 s');
}
