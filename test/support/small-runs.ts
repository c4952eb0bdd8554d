/** One embedded cluster for runs from the command line, and small projects to run on it. */
import { join } from 'node:path';
import { Client } from 'pg';
import { readProject } from '../../cli/project-folder';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { migrate } from '../../lambda/migrate/executor';
import { godwit, temporaryFolder } from './cli';
import { type SmallMigration, writeSmallProject } from './small-project';

/** Called at the top of a test file; what it answers can be used inside tests and hooks. */
export function useSmallRuns() {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let dataDir: string;
  let url: string;
  let projects = 0;

  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder.path, 'data');
    const up = await godwit(['up', '--json', '--data-dir', dataDir]);
    expect(up).toMatchObject({ code: 0 });
    url = String(up.result.url);
  });
  afterAll(async () => {
    await godwit(['reset', '--yes', '--data-dir', dataDir]);
    await folder.remove();
  });

  /** A folder with these migrations, on a database as empty as the first one found it. */
  const project = async (...migrations: SmallMigration[]): Promise<string> => {
    projects += 1;
    return writeSmallProject(join(folder.path, `prisma-${projects}`), migrations);
  };
  const sql = async <Row extends object>(text: string): Promise<Row[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      const result = await client.query<Row>(text);
      return result.rows;
    } finally {
      await client.end();
    }
  };
  const startOver = async (): Promise<void> => {
    await sql('drop schema public cascade; create schema public; drop schema if exists _godwit cascade');
  };
  return {
    get dataDir() {
      return dataDir;
    },
    get url() {
      return url;
    },
    get folder() {
      return folder;
    },
    project,
    sql,
    startOver,
    /** With the first migration applied, as any deploy leaves it. */
    startFromInit: async (): Promise<void> => {
      await startOver();
      const { migrations } = await readProject(await project());
      const outcome = await migrate({
        database: new PgDatabase(parseDatabaseUrl(url)),
        runId: 'preparation',
        migrations,
        maxBlockingMs: 1000,
        giveUpAfterMs: 1000,
        clock: new SystemClock(),
      });
      expect(outcome).toMatchObject({ outcome: 'applied' });
    },
    run: (prisma: string, ...more: string[]) =>
      godwit(['run', '--json', '--data-dir', dataDir, '--prisma', prisma, ...more]),
    total: async (): Promise<string | undefined> =>
      (await sql<{ total: string }>('select sum(balance)::text as total from "Account"'))[0]?.total,
  };
}
