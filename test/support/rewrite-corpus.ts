/** The corpus of unsafe migrations, and what their rewriting is judged with. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProvingGround } from '../../cli/rewrite/prove';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { parseScript } from '../../lambda/sql/parse';
import { ReplayedCatalog } from '../../lambda/sql/replay/replayed-catalog';
import { type Rewriting, rewriteMigration } from '../../lambda/sql/rewrite/rewrite';
import { projectRoot, type TestCluster } from './cluster';
import { newSchemaEngine } from './prisma-engine';

const CORPUS = join(projectRoot, 'test', 'corpus', 'rewrite');
const SCHEMA_FILE = 'schema.sql';

export const PRISMA_SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\n';

export const migrationOf = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

export const corpusBase = migrationOf('20251103090000_init', readFileSync(join(CORPUS, SCHEMA_FILE), 'utf8'));

export interface CorpusCase {
  readonly title: string;
  readonly migration: Migration;
}

export const corpus: readonly CorpusCase[] = readdirSync(CORPUS)
  .filter((file) => file.endsWith('.sql') && file !== SCHEMA_FILE)
  .sort()
  .map((file) => {
    const title = file.slice(0, -'.sql'.length);
    const name = `20251201090000_${title.replaceAll('-', '_')}`;
    return { title, migration: migrationOf(name, readFileSync(join(CORPUS, file), 'utf8')) };
  });

export async function catalogAfter(
  migrations: readonly { readonly sql: string }[],
): Promise<ReplayedCatalog> {
  const replay = ReplayedCatalog.from();
  for (const { sql } of migrations) {
    for (const statement of (await parseScript(sql)).statements) replay.apply(statement);
    replay.endMigration();
  }
  return replay;
}

export const rewritten = async (sql: string, before: readonly string[] = []): Promise<Rewriting> =>
  rewriteMigration(
    migrationOf('20251201090000_change', sql),
    await catalogAfter([corpusBase, ...before.map((each) => ({ sql: each }))]),
  );

export async function groundOn({ cluster }: TestCluster): Promise<ProvingGround> {
  return {
    maintenance: await cluster.database('postgres'),
    open: (name) => cluster.database(name),
    engine: newSchemaEngine(),
    clock: new SystemClock(),
    signal: new AbortController().signal,
  };
}
