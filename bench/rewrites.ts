/** How long the users of a busy application wait while rewritten migrations run: every one of the corpus, from expand to contract. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../lambda/domain/migration';
import { migrate } from '../lambda/migrate/executor';
import { type Database, withSession } from '../lambda/ports/database';
import { parseScript, type SqlStatement } from '../lambda/sql/parse';
import { ReplayedCatalog } from '../lambda/sql/replay/replayed-catalog';
import { rewriteMigration } from '../lambda/sql/rewrite/rewrite';
import { type BenchAnswer, type BenchOptions, type BenchResult, reportOf } from './measure';
import { Child } from './stall/child';
import { BenchCluster } from './stall/cluster';
import { LOAD, quietTime } from './stall/measure-run';
import { isQuiet, now, overlapping, type Score, scoreOf } from './stall/score';
import type { Sizes } from './stall/tables';
import { aligned, verdictOf } from './table';

const BUDGET_MS = 100;
const AFTER_MS = 500;
const CLIENT = { applicationName: 'bench' } as const;

const WHOLE: Sizes = { wallets: 50_000, balances: 300_000 };
const QUICK: Sizes = { wallets: 20_000, balances: 50_000 };
const QUICK_CASES: readonly string[] = [
  'changed-on-delete',
  'many-actions',
  'rename-indexed-column',
  'shorter-text',
];

/** What the application does between expand and contract, where the contract waits for it. */
const MEANWHILE: Readonly<Record<string, string>> = {
  'required-column': `-- godwit:backfill\nUPDATE "TokenBalance" SET "network" = 'base' WHERE "network" IS NULL;`,
};

interface Measured {
  readonly name: string;
  readonly seconds: number;
  readonly before: Score;
  /** The same load once the migrations are through. */
  readonly after: Score;
  readonly during: Score;
  readonly errors: readonly string[];
  readonly failure: string | undefined;
}

export async function benchRewrites({
  projectRoot,
  quick,
  signal,
  tell,
}: BenchOptions): Promise<BenchAnswer> {
  const corpus = join(projectRoot, 'test', 'corpus', 'rewrite');
  const sizes = quick ? QUICK : WHOLE;
  const schema = await parseScript(readFileSync(join(corpus, 'schema.sql'), 'utf8'));
  const names = readdirSync(corpus)
    .filter((file) => file !== 'schema.sql')
    .map((file) => file.slice(0, -'.sql'.length))
    .filter((name) => !quick || QUICK_CASES.includes(name))
    .sort();
  tell('Starting a server, and filling its tables');
  const cluster = await BenchCluster.start(projectRoot);
  try {
    await cluster.makeTemplates(sizes, sizes);
    await complete(await cluster.template('small'), schema.statements, sizes);
    const measured: Measured[] = [];
    for (const name of names) {
      signal.throwIfAborted();
      const sql = readFileSync(join(corpus, `${name}.sql`), 'utf8');
      const safe = await safeForm(name, sql, schema.statements);
      const one = await measureInQuiet({ projectRoot, cluster, sizes, signal }, name, safe);
      measured.push(one);
      tell(wordsOf(one));
    }
    const results = measured.flatMap(resultsOf);
    const report = reportOf('rewrites', results, measured.flatMap(faultsOf));
    return { ...report, table: tableOf(measured, sizes, results) };
  } finally {
    await cluster.remove();
  }
}

/** The benchmark's own tables are there already, and filled. */
const OWN_STATEMENTS = 3;

async function complete(database: Database, schema: readonly SqlStatement[], sizes: Sizes): Promise<void> {
  await withSession(database, CLIENT, async (session) => {
    for (const { sql } of schema.slice(OWN_STATEMENTS)) await session.query(sql);
    await session.query(
      `INSERT INTO "Token" SELECT 'token-' || n, 'T' || n FROM generate_series(0, 299) AS n`,
    );
    await session.query(
      `INSERT INTO "Note" SELECT 'note-' || row_number() OVER (), "id", CASE WHEN random() < 0.5 THEN 'text' END
       FROM "TokenBalance" LIMIT $1::int`,
      [Math.round(sizes.balances / 10)],
    );
    await session.query('UPDATE "TokenBalance" SET "block" = "quantity"');
    await session.query('VACUUM (FULL, ANALYZE)');
  });
}

async function safeForm(
  name: string,
  sql: string,
  schema: readonly SqlStatement[],
): Promise<readonly Migration[]> {
  const replay = ReplayedCatalog.from();
  for (const statement of schema) replay.apply(statement);
  const original = migrationOf(`20251201090000_${name.replaceAll('-', '_')}`, sql);
  const { migrations } = await rewriteMigration(original, replay);
  const [first, ...others] = migrations.map((one) => migrationOf(one.name, one.sql));
  const meanwhile = MEANWHILE[name];
  return [
    ...(first === undefined ? [] : [first]),
    ...(meanwhile === undefined ? [] : [migrationOf('20251201090000_meanwhile', meanwhile)]),
    ...others,
  ];
}

const migrationOf = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

interface Scene {
  readonly projectRoot: string;
  readonly cluster: BenchCluster;
  readonly sizes: Sizes;
  readonly signal: AbortSignal;
}

const ATTEMPTS = 3;

const isClean = ({ before, after }: Measured): boolean => isQuiet(before) && isQuiet(after);

/** What is measured on a machine that has something else to do is measured again; at last it is said that it had. */
async function measureInQuiet(
  scene: Scene,
  name: string,
  migrations: readonly Migration[],
): Promise<Measured> {
  for (let attempt = 1; ; attempt += 1) {
    const measured = await measure(scene, name, migrations);
    if (isClean(measured) || attempt === ATTEMPTS) return measured;
  }
}

async function measure(
  { projectRoot, cluster, sizes, signal }: Scene,
  name: string,
  migrations: readonly Migration[],
): Promise<Measured> {
  const database = await cluster.freshDatabase('small');
  const load = await Child.start(join(projectRoot, 'dist', 'bench-load.mjs'));
  try {
    const url = await database.connectionString();
    await load.ask({ type: 'load', options: { ...LOAD, ...sizes, url } }, 'loading');
    const before = await quietTime(load, signal);
    const from = now();
    const outcome = await migrate({
      database,
      migrations,
      signal,
      clock: new SystemClock(),
      runId: 'bench',
      maxBlockingMs: BUDGET_MS,
      giveUpAfterMs: 60_000,
    });
    const to = now();
    await sleep(AFTER_MS, undefined, { signal });
    const after = await quietTime(load, signal);
    const { samples } = await load.ask({ type: 'stop' }, 'samples');
    return {
      name,
      seconds: (to - from) / 1000,
      before,
      after,
      during: scoreOf(overlapping(samples, { from, to: to + AFTER_MS })),
      errors: samples.flatMap(({ error }) => error ?? []),
      failure:
        outcome.outcome === 'failed'
          ? outcome.failed.message
          : outcome.outcome === 'applied'
            ? undefined
            : outcome.outcome,
    };
  } finally {
    await load.end();
    await cluster.drop(database);
  }
}

function resultsOf({ name, seconds, before, during, errors }: Measured): readonly BenchResult[] {
  const shared = { case: name, runner: 'godwit' } as const;
  return [
    { ...shared, metric: 'worst stall', value: during.worstMs, unit: 'ms', limit: BUDGET_MS },
    { ...shared, metric: 'worst wait before', value: before.worstMs, unit: 'ms' },
    { ...shared, metric: 'errors', value: errors.length, unit: 'count', limit: 0 },
    { ...shared, metric: 'total time', value: seconds, unit: 's' },
  ];
}

const faultsOf = ({ name, failure, errors }: Measured): readonly string[] => [
  ...(failure === undefined ? [] : [`${name}: ${failure}`]),
  ...(errors[0] === undefined ? [] : [`${name}: the first error: ${errors[0]}`]),
];

function tableOf(
  measured: readonly Measured[],
  sizes: Sizes,
  results: readonly BenchResult[],
): readonly string[] {
  const rows = measured.map((one) => [
    one.name,
    one.seconds.toFixed(1),
    ...[one.during.worstMs, one.before.worstMs, one.during.p99Ms, one.before.p99Ms].map((ms) =>
      ms.toFixed(0),
    ),
    String(one.errors.length),
    isClean(one) ? '' : 'contaminated: the machine was not quiet',
  ]);
  return [
    `${LOAD.ratePerSecond} requests a second, open loop, on ${sizes.balances} rows; expand, switch and contract one after the other.`,
    ...aligned([['case', 'total s', 'stall ms', '(before)', 'p99', '(before)', 'errors', ''], ...rows]),
    ...results.filter((result) => result.limit !== undefined && result.value > result.limit).map(verdictOf),
  ];
}

const wordsOf = ({ name, seconds, during, before }: Measured): string =>
  `${name}: ${seconds.toFixed(1)} s, worst stall ${Math.round(during.worstMs)} ms (before ${Math.round(before.worstMs)} ms)`;
