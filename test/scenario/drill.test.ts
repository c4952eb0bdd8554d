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
import type { RestorePointProof } from '../../lambda/steps/proof';
import {
  type ProvenRestorePointRequest,
  takeProvenRestorePoint,
} from '../../lambda/steps/prove-restore-point';
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

test('what nobody had recorded is not proven; the drill keeps what it found, just as the serving database had it', async () => {
  await rm(proofFile());
  await runs.sql(`update "Account" set balance = 0 where id = 'account 1'`);
  const { code, result } = await drill('--restore-point', restorePoint);
  expect({ code, result }).toMatchObject({ code: 1, result: { outcome: 'not-proven', verified: false } });
  expect(String(result.reasons)).toContain('nobody had recorded');
  const kept = await readFile(proofFile().replace(/json$/, 'drill.json'), 'utf8');
  const { catalog, contents, readFrom } = JSON.parse(kept) as RestorePointProof;
  expect({ catalog, contents, readFrom }).toEqual({
    catalog: asServed.catalog,
    contents: asServed.contents,
    readFrom: 'drill',
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

  const proven = (name: string, more: Partial<ProvenRestorePointRequest> = {}) =>
    takeProvenRestorePoint({
      database: database(),
      recovery,
      store: new FileObjectStore(runs.folder.path),
      clock: new SystemClock(),
      signal: new AbortController().signal,
      invariants: [],
      name,
      ...more,
    });

  test('is not claimed to have been tried where the restore point was there already', async () => {
    await take('there');
    expect(await proven('there')).toMatchObject({
      outcome: 'taken',
      proof: { kept: false, reason: expect.stringContaining('there, already') },
    });
  });

  test('is proven by no rows that an older view cannot see any more', async () => {
    await runs.sql('insert into written values (1)');
    const emptying: Partial<Recovery> = {
      beginRestorePoint: (name, wish) => recovery.beginRestorePoint(name, wish),
      inspectRestorePoint: async (name) => {
        const state = await recovery.inspectRestorePoint(name);
        if (state.state === 'ready') await runs.sql('truncate written');
        return state;
      },
    };
    expect(await proven('emptied', { recovery: emptying as Recovery })).toMatchObject({
      outcome: 'taken',
      proof: { kept: false, reason: expect.stringContaining('public.written was emptied') },
    });
  });

  test('is read by one session: nobody follows the writes any more, and no other snapshot is held', async () => {
    const sessions = {
      file: 'sessions.sql',
      sql: `-- invariant: Sessions
-- key: id
select 1 as id, count(*) as sessions from pg_stat_activity where application_name = 'godwit proof'`,
    };
    expect(await proven('alone', { invariants: [sessions] })).toMatchObject({ proof: { kept: true } });
    const kept = await readFile(join(runs.folder.path, 'proofs', 'alone.json'), 'utf8');
    const { readings } = JSON.parse(kept) as RestorePointProof;
    expect(readings['sessions.sql']).toMatchObject({ rows: [{ id: '1', sessions: '1' }] });
  });

  test('is one around which nobody wrote, so that it is known what it holds although others go on writing', async () => {
    const stop = new AbortController();
    const writing = [1, 2].map((n) => writeUntil(database(), n, stop.signal));
    const taken = await proven('under-writers');
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
