/** The commands around a run, one after the other on one embedded cluster, as a person would use them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { godwit, startGodwit, temporaryFolder } from '../support/cli';
import { INIT, writeSmallProject } from '../support/small-project';

const ADD_NOTE = {
  name: '20260102000000_add_note',
  up: 'ALTER TABLE "Account" ADD COLUMN "note" TEXT;',
  down: 'ALTER TABLE "Account" DROP COLUMN "note";',
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let url: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeSmallProject(join(folder.path, 'prisma'));
});
afterAll(async () => {
  await command('reset', '--yes');
  await folder.remove();
});

const command = (...args: string[]) => godwit([...args, '--json'], { cwd: folder.path });

async function sql<Row extends object>(text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

test('up starts a cluster that stays, and prints its URL', async () => {
  const up = await command('up');
  url = String(up.result.url);
  expect(up).toMatchObject({ code: 0, result: { type: 'result', command: 'up' } });
  expect(await sql('select 1 as one')).toEqual([{ one: 1 }]);
  expect((await command('up')).result.url).toBe(url);
  // Not elsewhere: whoever the server runs as can enter the folder.
  expect(await readdir(join(folder.path, '.godwit'))).toContain('cluster');
});

test("seed is refused where WeDefiDaily's tables are not there", async () => {
  const refused = await command('seed', '--scale', '0.01');
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('Make them first: godwit deploy');
});

test('status names what is pending and exits 1, deploy applies it, status exits 0', async () => {
  expect(await command('status')).toMatchObject({ code: 1, result: { pending: [INIT] } });
  expect(await command('deploy')).toMatchObject({
    code: 0,
    result: { status: 'succeeded', applied: [INIT] },
  });
  expect(await command('status')).toMatchObject({ code: 0, result: { pending: [] } });
});

test('rehearse tells durations and locks of each statement and changes nothing', async () => {
  await writeSmallProject(join(folder.path, 'prisma'), [ADD_NOTE]);
  const rehearsed = await command('rehearse');
  expect(rehearsed).toMatchObject({ code: 0, result: { status: 'succeeded', applied: [] } });
  expect(rehearsed.result.statements).toEqual([
    {
      migration: ADD_NOTE.name,
      line: 1,
      sql: 'ALTER TABLE "Account" ADD COLUMN "note" TEXT',
      durationMs: expect.any(Number),
      locks: [{ relation: 'public."Account"', mode: 'AccessExclusiveLock', heldMs: expect.any(Number) }],
      rewrites: false,
      walBytes: expect.any(Number),
      grownBytes: expect.any(Number),
      unforeseen: [],
    },
  ]);
  expect(rehearsed.result.estimate).toMatchObject({
    duration: { likelyMs: expect.any(Number) },
    disk: { walBytes: expect.any(Number) },
  });
  expect(rehearsed.stderr).toContain('foretold');
  expect(await command('status')).toMatchObject({ result: { pending: [ADD_NOTE.name] } });
});

test('a run up to a migration that is applied has nothing to do, whatever is pending behind it', async () => {
  expect(await command('run', '--until', INIT)).toMatchObject({
    code: 0,
    result: { status: 'nothing-to-do', applied: [] },
  });
  expect(await command('status')).toMatchObject({ result: { pending: [ADD_NOTE.name] } });
});

test('validate reads every invariant, alone and against a run', async () => {
  expect(await command('validate')).toMatchObject({
    code: 0,
    result: {
      invariants: [{ name: 'Total of all balances', verdict: 'held', before: '1 row', after: '1 row' }],
    },
  });
  const run = await command('run');
  expect(run).toMatchObject({ code: 0, result: { applied: [ADD_NOTE.name] } });
  const against = ['validate', '--against', String(run.result.runId)];
  expect(await command(...against)).toMatchObject({ code: 0 });
  await sql('update "Account" set "balance" = 0');
  expect(await command(...against)).toMatchObject({
    code: 3,
    result: { invariants: [{ verdict: 'broken' }] },
  });
});

test('restore says what would be lost before anybody confirms it', async () => {
  const { result } = await command('runs', 'list');
  const [newest] = result.runs as { runId: string }[];
  const unconfirmed = await command('restore', '--to', `before-${newest?.runId}`);
  expect(unconfirmed).toMatchObject({ code: 3, result: { status: 'blocked' } });
  expect(unconfirmed.stderr).toMatch(
    /at most \d+ transactions wrote .*1000 rows of public\."Account" \(1000 changed/,
  );
});

test('snapshot takes a restore point and restore returns to it, on the same URL', async () => {
  const { result } = await command('snapshot');
  const { name } = result.restorePoint as { name: string };
  await sql('delete from "Account"');
  await sql(`insert into "Account" values ('still here', 1, now())`);

  // Another proof than what comes back: nothing is put in place, and the application writes again.
  const proofFile = join(folder.path, '.godwit', 'proofs', `${name}.json`);
  const proof = await readFile(proofFile, 'utf8');
  const another = JSON.parse(proof) as { contents: Record<string, unknown> };
  another.contents['public."Account"'] = { rows: '1000', checksum: '1' };
  await writeFile(proofFile, JSON.stringify(another));
  const unproven = await command('restore', '--to', name, '--yes');
  expect(unproven).toMatchObject({ code: 3, result: { status: 'blocked' } });
  expect(unproven.stderr).toContain('does not prove right: Rows as recorded');
  await writeFile(proofFile, proof);

  // Stopped half-way: the same.
  const stopped = startGodwit(['restore', '--to', name, '--yes', '--json'], { cwd: folder.path });
  await stopped.sees(({ message }) => message === 'writes are fenced');
  await expect(sql('delete from "Account"')).rejects.toMatchObject({ code: '25006' });
  stopped.child.kill('SIGINT');
  expect(await stopped.finished).toMatchObject({ code: 130 });
  expect(await sql(`update "Account" set "balance" = 2 returning "id"`)).toEqual([{ id: 'still here' }]);

  const restored = await command('restore', '--to', name, '--yes');
  expect(restored).toMatchObject({ code: 0, result: { status: 'succeeded', doubts: [] } });
  expect(restored.stderr).toContain('It holds what had been recorded.');
  expect(await sql('select count(*)::int from "Account"')).toEqual([{ count: 1000 }]);
  await sql('update "Account" set "balance" = "balance"');
  const unknown = await command('restore', '--to', 'never', '--yes');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain(name);
});

test('runs lists, shows and reports what happened', async () => {
  const { result } = await command('runs', 'list');
  const [newest] = result.runs as { runId: string; status: string }[];
  expect(newest).toMatchObject({ status: 'succeeded' });
  const shown = await command('runs', 'show', String(newest?.runId));
  expect(shown.stderr).toContain('Migrate passed: 1 applied');
  const reported = await command('runs', 'report', String(newest?.runId));
  expect(await readFile(String(reported.result.markdown), 'utf8')).toContain(ADD_NOTE.name);
  expect(await command('runs', 'watch', String(newest?.runId))).toMatchObject({ code: 0 });
  expect((await command('runs', 'show', 'run-never')).code).toBe(2);
});

test('baseline adopts tables that have no history, and refuses others', async () => {
  await sql('drop table _prisma_migrations');
  expect(await command('baseline')).toMatchObject({ code: 3, result: { status: 'blocked' } });
  expect(await command('baseline', ADD_NOTE.name)).toMatchObject({
    code: 0,
    result: { status: 'succeeded', baselined: [INIT, ADD_NOTE.name] },
  });
  expect(await command('run')).toMatchObject({ code: 0, result: { status: 'nothing-to-do' } });
});

test('a run that has ended can be neither decided nor aborted', async () => {
  const { result } = await command('runs', 'list');
  const [newest] = result.runs as { runId: string }[];
  const ended = String(newest?.runId);
  expect((await command('decide', ended, 'restore')).code).toBe(2);
  const aborted = await command('abort', ended);
  expect(aborted.code).toBe(2);
  expect(aborted.stderr).toContain('has ended');
});

test('reset deletes nothing unless it is confirmed', async () => {
  expect(await command('reset')).toMatchObject({ code: 3, result: { status: 'blocked' } });
  expect((await command('status')).code).toBe(0);
});

test('usage errors end with a result line, too', async () => {
  expect(await command('run', '--bogus')).toMatchObject({ code: 2, result: { type: 'result', exitCode: 2 } });
  expect(await command('run', '--quiet', '--verbose')).toMatchObject({
    code: 2,
    result: { type: 'result', error: 'UsageError' },
  });
});

test('down stops the cluster and reset deletes it and its runs', async () => {
  expect(await command('down')).toMatchObject({ code: 0, result: { state: 'stopped' } });
  expect(await command('down')).toMatchObject({ code: 0, result: { state: 'not-running' } });
  expect(await command('reset', '--yes')).toMatchObject({ code: 0 });
  expect(await command('runs', 'list')).toMatchObject({ result: { runs: [] } });
});

test("a run of somebody else's server is refused without --skip-rehearsal, and says why", async () => {
  url = String((await command('up')).result.url);
  // Another data directory does not know the cluster for its own.
  const foreign = ['--database-url', url, '--data-dir', join(folder.path, 'elsewhere')];
  const refused = await command('run', ...foreign);
  expect(refused).toMatchObject({ code: 3, result: { status: 'blocked' } });
  expect(refused.stderr).toContain('--skip-rehearsal');
  expect(await command('run', '--skip-rehearsal', ...foreign)).toMatchObject({
    code: 0,
    result: { status: 'succeeded', applied: [INIT, ADD_NOTE.name] },
  });
});
