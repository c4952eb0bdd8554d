/** Restore drills on one small cluster: what a good restore point proves, and what a bad one is found out by. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { followWrites } from '../../lambda/checks/aligned-view';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import type { PlaceWish, Recovery, RestorePoint } from '../../lambda/ports/recovery';
import { proveInstance } from '../../lambda/steps/drill-prove';
import type { RestorePointProof } from '../../lambda/steps/proof';
import { takeProvenRestorePoint } from '../../lambda/steps/prove-restore-point';
import { godwit, projectRoot, startGodwit } from '../support/cli';
import { processesUnder } from '../support/cluster';
import { useSmallRuns } from '../support/small-runs';

const runs = useSmallRuns();
let options: readonly string[];
/** The only one. */
let restorePoint: string;
let asServed: RestorePointProof;

beforeAll(async () => {
  await runs.startFromInit();
  options = ['--json', '--data-dir', runs.dataDir, '--prisma', await runs.project()];
});

const lastDrill = () => drill('--last');
const proofFile = (): string => join(runs.dataDir, 'proofs', `${restorePoint}.json`);
const readProof = async () => JSON.parse(await readFile(proofFile(), 'utf8')) as RestorePointProof;
const drill = (...more: string[]) => godwit(['drill', ...options, ...more]);
const checksOf = (result: Record<string, unknown>) =>
  Object.fromEntries(
    (result.checks as { name: string; verdict: string; details: string[] }[]).map(
      ({ name, verdict, details }) => [name, { verdict, details }],
    ),
  );
const instances = (): string => join(runs.dataDir, 'instances');
const nothingIsLeft = async (): Promise<void> => {
  expect(await readdir(instances())).toEqual([]);
  expect(processesUnder(instances())).toEqual([]);
};

test('without a restore point a drill takes one, records what it holds, and proves that this comes back', async () => {
  const { code, result, stderr } = await drill();
  expect(stderr).toContain('There is no restore point yet');
  expect(result).toMatchObject({
    type: 'result',
    command: 'drill',
    status: 'succeeded',
    verified: true,
    rpoMs: expect.any(Number),
    rtoMs: expect.any(Number),
  });
  expect(code).toBe(0);
  expect((result.phases as { phase: string }[]).map(({ phase }) => phase)).toEqual(
    expect.arrayContaining(['begin', 'open', 'prove']),
  );
  expect(new Set(Object.values(checksOf(result)).map(({ verdict }) => verdict))).toEqual(new Set(['held']));
  expect(await readFile(String(result.report), 'utf8')).toContain('Restore drill of embedded/wedefidaily');
  restorePoint = String(result.restorePoint);
  asServed = await readProof();
  expect(asServed.readFrom).toBe('serving');
  await nothingIsLeft();
});

test('rows that are not those recorded are found out, by the name of their table', async () => {
  const account = { ...asServed.contents?.['public."Account"'], checksum: '1' };
  const contents = { ...asServed.contents, 'public."Account"': account };
  await writeFile(proofFile(), JSON.stringify({ ...asServed, contents }));
  const { code, result } = await drill();
  expect(code).toBe(1);
  expect(result).toMatchObject({ verified: false, outcome: 'not-proven' });
  expect(result.status).toBeUndefined();
  expect(checksOf(result)['Rows as recorded']).toEqual({
    verdict: 'broken',
    details: ['public."Account": other content in its 1000 rows'],
  });
  expect(await readFile(String(result.report), 'utf8')).toContain('other content in its 1000 rows');
  await nothingIsLeft();
});

test('what nobody had recorded is not proven; the drill records it, just as the serving database had it', async () => {
  await rm(proofFile());
  await runs.sql(`update "Account" set balance = 0 where id = 'account 1'`);
  const { code, result } = await drill('--restore-point', restorePoint);
  expect({ code, result }).toMatchObject({ code: 1, result: { outcome: 'not-proven', verified: false } });
  expect(String(result.reasons)).toContain('nobody had recorded');
  const { catalog, contents, readFrom } = await readProof();
  expect({ catalog, contents, readFrom }).toEqual({
    catalog: asServed.catalog,
    contents: asServed.contents,
    readFrom: 'instance',
  });
  expect(await lastDrill()).toMatchObject({
    code: 0,
    result: { outcome: 'not-proven', drillId: result.drillId },
  });
});

test('a drill fails where the archive is gone, and says why in its report', async () => {
  const archive = join(runs.dataDir, 'archive');
  await rename(archive, `${archive}.away`);
  const failed = await drill();
  await rename(`${archive}.away`, archive);
  expect(failed).toMatchObject({ code: 1, result: { outcome: 'failed', verified: false } });
  expect(await readFile(String(failed.result.report), 'utf8')).toContain('could not be recovered');
  await nothingIsLeft();
});

test('a drill that is stopped discards its instance and says so', async () => {
  const running = startGodwit(['drill', ...options]);
  await running.sees(({ step }) => step === 'InspectDrill');
  running.child.kill('SIGINT');
  expect((await running.finished).code).toBe(130);
  await nothingIsLeft();
  expect(await lastDrill()).toMatchObject({ result: { outcome: 'aborted' } });
});

test('an unknown restore point is bad usage, and those that there are are named', async () => {
  const { code, stderr } = await drill('--restore-point', 'never');
  expect(code).toBe(2);
  expect(stderr).toContain(restorePoint);
});

describe('an instance', () => {
  let instance: Database;

  beforeAll(async () => {
    await runs.sql('create database unsound');
    instance = new PgDatabase({ ...parseDatabaseUrl(runs.url), database: 'unsound' });
    await withSession(instance, { applicationName: 'test' }, async (session) => {
      for (const statement of UNSOUND) await session.query(statement);
    });
  });
  afterAll(() => runs.sql('drop database if exists unsound with (force)'));

  test('is found out where it contradicts itself, object by object', async () => {
    const { checks } = await proveInstance({
      instance,
      restorePoint: 'none',
      proof: undefined,
      invariants: [],
      now: '2026-01-31T12:00:00.000Z',
      signal: new AbortController().signal,
      tell: () => undefined,
    });
    const found = checksOf({ checks });
    expect(found['Tables readable']).toEqual({
      verdict: 'broken',
      details: [expect.stringContaining('public.unreadable: invalid internal value for enum')],
    });
    expect(found.Constraints?.verdict).toBe('broken');
    expect(found.Constraints?.details).toEqual([
      expect.stringMatching(/^child_parent_fkey of public.child: .*violates foreign key/),
      expect.stringMatching(/^positive of public.parent: .*violated by some row/),
    ]);
    expect(found.Indexes?.details).toEqual([
      expect.stringMatching(/^public.lacking: .*lacks matching index tuple/),
    ]);
    expect(found.Sequences?.details).toEqual([
      'public.parent_id_seq: stands at 1, and public.parent.id is at 7 already',
    ]);
    expect(found['Rows as recorded']?.verdict).toBe('not-made');
  });

  test('is as it was after it was proven: constraints that were tried are gone', async () => {
    const left = await withSession(instance, { applicationName: 'test' }, (session) =>
      session.query(
        `select conname from pg_constraint where conname = 'godwit drill'
         union all select extname from pg_extension where extname = 'amcheck'`,
      ),
    );
    expect(left.rows).toEqual([]);
  });
});

describe('what a restore point holds', () => {
  const rowsIn = async (session: Session): Promise<string | undefined> =>
    (await session.query<{ rows: string }>('select count(*)::text as rows from seen')).rows[0]?.rows;
  const point = async (): Promise<string> =>
    (await runs.sql<{ lsn: string }>(`select pg_create_restore_point('test')::text as lsn`))[0]?.lsn ?? '';
  const database = (): Database => new PgDatabase(parseDatabaseUrl(runs.url));
  const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

  beforeAll(() => runs.sql('create table seen (n int)'));
  afterAll(() => runs.sql('drop table seen'));

  test('is seen by a session that looked in time, whatever is written before and after', async () => {
    const follower = await followWrites(database());
    await aWhile();
    await runs.sql('insert into seen values (1)');
    await aWhile();
    const lsn = await point();
    await aWhile();
    await runs.sql('insert into seen values (2)');
    const view = await follower.viewAt(lsn);
    expect(view && (await rowsIn(view.session))).toBe('1');
    await view?.session.close();
    await follower.stop();
  });

  test('is not claimed to be known while somebody is writing', async () => {
    const follower = await followWrites(database());
    await withSession(database(), { applicationName: 'test' }, async (writer) => {
      await writer.query('begin');
      await writer.query('insert into seen values (3)');
      const lsn = await point();
      await aWhile();
      expect(await follower.viewAt(lsn)).toBeUndefined();
    });
    await follower.stop();
  });
});

describe('the place of a restore point', () => {
  const database = (): Database => new PgDatabase(parseDatabaseUrl(runs.url));
  let recovery: EmbeddedRecovery;

  beforeAll(async () => {
    recovery = new EmbeddedRecovery(EmbeddedCluster.at(runs.dataDir, { projectRoot }));
    await runs.sql('create table written (n int)');
  });
  afterAll(async () => {
    await recovery.close();
    await runs.sql('drop table written');
  });

  const take = (name: string, wish?: PlaceWish) => untilTaken(recovery, name, wish);

  test('is the first that suits', async () => {
    const asked: string[] = [];
    const taken = await take('choosy', {
      suits: async (lsn) => asked.push(lsn) === 3,
    });
    expect(asked).toHaveLength(3);
    expect(taken.lsn).toBe(asked[2]);
  });

  test('is in the end one that does not suit: a restore point there must be', async () => {
    const asked: string[] = [];
    const taken = await take('never-content', {
      suits: async (lsn) => asked.push(lsn) < 0,
    });
    expect(taken.lsn).toBe(asked.at(-1));
  });

  test('is one around which nobody wrote, so that it is known what it holds although others go on writing', async () => {
    const stop = new AbortController();
    const writing = [1, 2].map((n) => writeUntil(database(), n, stop.signal));
    const taken = await takeProvenRestorePoint({
      database: database(),
      recovery,
      store: new FileObjectStore(runs.folder.path),
      clock: new SystemClock(),
      signal: stop.signal,
      invariants: [],
      name: 'under-writers',
    });
    stop.abort();
    await Promise.all(writing);
    expect(taken).toMatchObject({ outcome: 'taken', proof: { kept: true } });
  });
});

async function untilTaken(recovery: Recovery, name: string, wish?: PlaceWish): Promise<RestorePoint> {
  let state = await recovery.beginRestorePoint(name, wish);
  while (state.state === 'creating') {
    await sleep(20);
    state = await recovery.inspectRestorePoint(name);
  }
  if (state.state !== 'ready') throw new Error(JSON.stringify(state));
  return state.restorePoint;
}

/** As an application does: some thirty times a second. */
const writeUntil = (database: Database, n: number, signal: AbortSignal): Promise<void> =>
  withSession(database, { applicationName: 'test' }, async (session) => {
    while (!signal.aborted) {
      await session.query('insert into written values ($1)', [n]);
      await sleep(60 * Math.random());
    }
  });

/** Each is broken as nobody can break it with plain SQL. */
const UNSOUND = [
  'create table parent (id serial primary key, amount int)',
  'insert into parent values (7, -1)',
  'alter table parent add constraint positive check (amount > 0) not valid',
  'create table child (parent int)',
  'insert into child values (8)',
  'alter table child add constraint child_parent_fkey foreign key (parent) references parent not valid',
  'set allow_system_table_mods = on',
  `update pg_constraint set convalidated = true where conname in ('positive', 'child_parent_fkey')`,
  `create type mood as enum ('calm')`,
  'create table unreadable (mood mood)',
  `insert into unreadable values ('calm')`,
  `delete from pg_enum where enumtypid = 'mood'::regtype`,
  'create table indexed (n int)',
  'create index lacking on indexed (n)',
  `update pg_index set indisready = false where indexrelid = 'lacking'::regclass`,
  'insert into indexed values (1)',
  `update pg_index set indisready = true where indexrelid = 'lacking'::regclass`,
] as const;
