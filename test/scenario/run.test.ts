/** The whole workflow from the command line, on one embedded cluster with real archiving, restore points and clones. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { godwit, startGodwit } from '../support/cli';
import { INIT, type SmallMigration } from '../support/small-project';
import { useSmallRuns } from '../support/small-runs';

const addNote: SmallMigration = {
  name: '20260102000000_add_note',
  up: 'ALTER TABLE "Account" ADD COLUMN "note" TEXT;',
  down: 'ALTER TABLE "Account" DROP COLUMN "note";',
};

/** Under `npm run test:matrix` a kill in every step; else in the one that changes the database. */
const isWhole = process.env.GODWIT_MATRIX === 'full';
const KILLED_IN = isWhole
  ? [
      'Preflight',
      'InspectSnapshot',
      'InspectRehearsal',
      'RunRehearsal',
      'CheckApproval',
      'Baseline',
      'Migrate',
      'Validate',
    ]
  : ['Migrate'];

const small = useSmallRuns();
const { project, run, sql, startFromInit, startOver, total } = small;

describe('a run', () => {
  test('takes pending migrations through every step and then finds nothing to do', async () => {
    await startOver();
    const prisma = await project(addNote);
    const first = await run(prisma);
    expect(first).toMatchObject({ code: 0, result: { status: 'succeeded', applied: [INIT, addNote.name] } });
    const passed = first.lines
      .filter((line) => line.type === 'step' && line.status === 'passed')
      .map((line) => line.step);
    for (const step of [
      'Preflight',
      'RunRehearsal',
      'CheckApproval',
      'Baseline',
      'Migrate',
      'Validate',
      'Finish',
      'Report',
      'Notify',
    ]) {
      expect(passed).toContain(step);
    }
    expect(await readFile(String(first.result.report), 'utf8')).toContain(addNote.name);

    const second = await run(prisma);
    expect(second).toMatchObject({ code: 0, result: { status: 'nothing-to-do', applied: [] } });
  });

  test('leaves no clone behind', async () => {
    expect(await readdir(join(small.dataDir, 'instances')).catch(() => [])).toEqual([]);
  });

  test('that breaks an invariant on the clone is refused and changes nothing', async () => {
    await startFromInit();
    const before = await total();
    const prisma = await project({
      name: '20260103000000_double',
      up: 'UPDATE "Account" SET "balance" = "balance" * 2;',
    });
    const refused = await run(prisma);
    expect(refused).toMatchObject({ code: 3, result: { status: 'blocked', applied: [] } });
    expect(refused.result.findings).toContainEqual(
      expect.objectContaining({
        id: 'rehearsal-invariant-broken',
        severity: 'error',
        subject: 'Total of all balances',
      }),
    );
    expect(await total()).toBe(before);
  });

  test('that breaks an invariant in production comes back by its down script', async () => {
    await startFromInit();
    const before = await total();
    const prisma = await project({
      name: '20260103000000_double',
      up: 'UPDATE "Account" SET "balance" = "balance" * 2;',
      down: 'UPDATE "Account" SET "balance" = "balance" / 2;',
    });
    // Nobody has tried the script: to let it change rows that were there before is policy's word.
    const rolledBack = await run(prisma, '--skip-rehearsal', '--approve', 'auto', '--restore', 'auto');
    expect(rolledBack).toMatchObject({
      code: 1,
      result: { status: 'rolled-back', applied: [], rolledBack: ['20260103000000_double'] },
    });
    expect(await total()).toBe(before);
  });

  if (isWhole) {
    test('without a down script is restored where policy grants it, on the same URL', async () => {
      await startFromInit();
      const before = await total();
      const prisma = await project({
        name: '20260103000000_lossy',
        up: 'UPDATE "Account" SET "balance" = 0;',
      });
      const restored = await run(prisma, '--skip-rehearsal', '--approve', 'auto', '--restore', 'auto');
      expect(restored).toMatchObject({
        code: 1,
        result: { status: 'restored', rolledBack: ['20260103000000_lossy'] },
      });
      expect(await total()).toBe(before);
      await sql('insert into "Account" values (\'written after the restore\', 0, now())');
    });
  }

  test('that needs a restore which nobody may grant is held with writes fenced and reads going on', async () => {
    await startFromInit();
    const prisma = await project({
      name: '20260103000000_lossy',
      up: 'UPDATE "Account" SET "balance" = 0 WHERE "balance" > 0;',
    });
    const held = await run(prisma, '--skip-rehearsal');
    expect(held).toMatchObject({ code: 4, result: { status: 'held' } });
    await expect(sql('insert into "Account" values (\'refused\', 0, now())')).rejects.toMatchObject({
      code: '25006',
    });
    expect(await total()).toMatch(/^0/);

    const next = await run(await project(addNote));
    expect(next).toMatchObject({ code: 3, result: { status: 'blocked' } });
    const restorePoint = `before-${String(held.result.runId)}`;
    const restored = await godwit([
      'restore',
      '--to',
      restorePoint,
      '--yes',
      '--json',
      '--data-dir',
      small.dataDir,
    ]);
    expect(restored).toMatchObject({ code: 0, result: { status: 'succeeded' } });
    expect(await total()).toMatch(/^500500/);
  });

  test('whose statement fails in production leaves nothing of the file and blocks nobody', async () => {
    await startFromInit();
    const prisma = await project({
      name: '20260103000000_half',
      up: 'ALTER TABLE "Account" ADD COLUMN "half" TEXT; SELECT 1 / 0;',
    });
    const failed = await run(prisma, '--skip-rehearsal', '--approve', 'auto');
    expect(failed).toMatchObject({ code: 1, result: { status: 'rolled-back' } });
    expect(String(failed.result.reason)).toContain('division by zero');
    const next = await run(await project(addNote), '--skip-rehearsal');
    expect(next).toMatchObject({ code: 0, result: { status: 'succeeded' } });
  });

  test('waits for a person where policy asks, and is refused by a rejection from another terminal', async () => {
    await startFromInit();
    const waiting = startGodwit([
      'run',
      '--json',
      '--data-dir',
      small.dataDir,
      '--prisma',
      await project(addNote),
      '--skip-rehearsal',
      '--approve',
      'ask',
    ]);
    await waiting.sees((line) => line.step === 'AwaitApproval');
    const runId = (await godwit(['runs', 'list', '--json', '--data-dir', small.dataDir])).result.runs as {
      runId: string;
    }[];
    const newest = String(runId[0]?.runId);
    expect(await godwit(['reject', newest, '--data-dir', small.dataDir])).toMatchObject({ code: 0 });
    expect(await waiting.finished).toMatchObject({ code: 3, result: { status: 'blocked', applied: [] } });
    const twice = await godwit(['approve', newest, '--data-dir', small.dataDir]);
    expect(twice.code).toBe(2);
    expect(twice.stderr).toContain('answered already');
  });

  test('goes on after approval from another terminal', async () => {
    const waiting = startGodwit([
      'run',
      '--json',
      '--data-dir',
      small.dataDir,
      '--prisma',
      await project(addNote),
      '--skip-rehearsal',
      '--approve',
      'ask',
    ]);
    await waiting.sees((line) => line.step === 'AwaitApproval');
    const { runs } = (await godwit(['runs', 'list', '--json', '--data-dir', small.dataDir])).result as {
      runs: { runId: string }[];
    };
    expect(await godwit(['approve', String(runs[0]?.runId), '--data-dir', small.dataDir])).toMatchObject({
      code: 0,
    });
    expect(await waiting.finished).toMatchObject({
      code: 0,
      result: { status: 'succeeded', applied: [addNote.name] },
    });
  });

  test.each(KILLED_IN)('that is killed in %s goes on when started again', async (step) => {
    await startFromInit();
    const prisma = await project(addNote);
    const args = ['run', '--json', '--data-dir', small.dataDir, '--prisma', prisma];
    const killed = startGodwit(args);
    await killed.sees((line) => line.step === step);
    killed.child.kill('SIGKILL');
    await killed.finished;
    const again = await run(prisma);
    expect(again).toMatchObject({ code: 0, result: { status: 'succeeded', applied: [addNote.name] } });
    const { runs } = (await godwit(['runs', 'list', '--json', '--data-dir', small.dataDir])).result as {
      runs: { runId: string }[];
    };
    expect(runs[0]?.runId).toBe(again.result.runId);
    expect(await run(prisma)).toMatchObject({ result: { status: 'nothing-to-do' } });
  });

  test('whose history could not be replayed afterwards is refused on the clone', async () => {
    await startFromInit();
    const prisma = await project({ name: '20260103000000_role', up: 'CREATE ROLE "of the cluster";' });
    const refused = await run(prisma);
    expect(refused).toMatchObject({ code: 3, result: { status: 'blocked', applied: [] } });
    expect(refused.result.findings).toContainEqual(expect.objectContaining({ id: 'history-not-replayable' }));
    expect(await sql(`select from pg_roles where rolname = 'of the cluster'`)).toEqual([]);
  });

  if (isWhole) {
    test('that was killed before it changed anything is not taken over by a rehearsal', async () => {
      await startFromInit();
      const prisma = await project(addNote);
      const args = ['run', '--json', '--data-dir', small.dataDir, '--prisma', prisma, '--skip-rehearsal'];
      const killed = startGodwit(args);
      await killed.sees((line) => line.step === 'Baseline');
      killed.child.kill('SIGKILL');
      await killed.finished;
      const rehearsed = await godwit(['rehearse', '--json', '--data-dir', small.dataDir, '--prisma', prisma]);
      expect(rehearsed).toMatchObject({ code: 0, result: { status: 'succeeded', applied: [] } });
      expect(await sql(`select from information_schema.columns where column_name = 'note'`)).toEqual([]);
    });
  }

  test('that is interrupted by a person says so and leaves the database as it was', async () => {
    await startFromInit();
    const running = startGodwit([
      'run',
      '--json',
      '--data-dir',
      small.dataDir,
      '--prisma',
      await project(addNote),
    ]);
    await running.sees((line) => line.step === 'BeginRehearsal');
    running.child.kill('SIGINT');
    expect(await running.finished).toMatchObject({ code: 130, result: { status: 'aborted', applied: [] } });
    expect(await sql(`select from information_schema.columns where column_name = 'note'`)).toEqual([]);
  });

  test('refuses to work beside another run on the same database', async () => {
    await startFromInit();
    const prisma = await project(addNote);
    const first = startGodwit([
      'run',
      '--json',
      '--data-dir',
      small.dataDir,
      '--prisma',
      prisma,
      '--skip-rehearsal',
      '--approve',
      'ask',
    ]);
    await first.sees((line) => line.step === 'AwaitApproval');
    const second = await run(prisma);
    expect(second.code).toBe(3);
    expect(second.stderr).toContain('is being worked on');
    first.child.kill('SIGINT');
    expect(await first.finished).toMatchObject({ code: 130 });
  });
});
