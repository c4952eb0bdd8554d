/** A migration that fails in production while the application writes: what is asked, what is told, and what is lost. */
import { Client } from 'pg';
import { godwit, startGodwit } from '../support/cli';
import type { SmallMigration } from '../support/small-project';
import { useSmallRuns } from '../support/small-runs';

jest.setTimeout(120_000);

const small = useSmallRuns();
const { project, run, sql } = small;
beforeEach(() => small.startFromInit());

const LABEL = '20260103000000_label';
const HARM = '20260104000000_harm';

/** The second takes a while, in which the application already writes to what the first has made, and breaks an invariant. */
const failing = (downs: { readonly label?: string } = {}): SmallMigration[] => [
  {
    name: LABEL,
    up: 'ALTER TABLE "Account" ADD COLUMN "label" TEXT;',
    ...(downs.label === undefined ? {} : { down: downs.label }),
  },
  {
    name: HARM,
    up: `SELECT pg_sleep(0.5); UPDATE "Account" SET "balance" = "balance" + 1 WHERE "id" = 'account 1';`,
    down: `UPDATE "Account" SET "balance" = "balance" - 1 WHERE "id" = 'account 1';`,
  },
];

const DROP_LABEL = 'ALTER TABLE "Account" DROP COLUMN "label";';

/** Labels an account as soon as there is where to write it. */
async function labelOnceItCan(): Promise<void> {
  const client = new Client({ connectionString: small.url });
  await client.connect();
  try {
    for (;;) {
      try {
        await client.query(`UPDATE "Account" SET "label" = 'mine' WHERE "id" = 'account 2'`);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  } finally {
    await client.end();
  }
}

const start = (prisma: string, ...more: string[]) => {
  const args = [
    'run',
    '--json',
    '--data-dir',
    small.dataDir,
    '--prisma',
    prisma,
    '--skip-rehearsal',
    ...more,
  ];
  return startGodwit(args);
};

const newestRun = async (): Promise<string> => {
  const { runs } = (await godwit(['runs', 'list', '--json', '--data-dir', small.dataDir])).result;
  return String((runs as { runId: string }[])[0]?.runId);
};

const decide = async (decision: string) =>
  godwit(['decide', await newestRun(), decision, '--data-dir', small.dataDir]);

const isAsked = ({ step, status }: Record<string, unknown>): boolean =>
  step === 'AwaitDecision' && status === 'waiting';

test('a down script that would lose writes waits for a person, who is told which, and who may choose it', async () => {
  const prisma = await project(...failing({ label: DROP_LABEL }));
  const running = start(prisma, '--approve', 'auto', '--restore', 'ask');
  await labelOnceItCan();
  await running.sees(isAsked);
  await expect(sql(`UPDATE "Account" SET "label" = 'late'`)).rejects.toMatchObject({ code: '25006' });

  const { result } = await godwit(['runs', 'show', await newestRun(), '--json', '--data-dir', small.dataDir]);
  expect(JSON.stringify(result)).toContain('up to 1 rows');
  expect(await decide('roll-back')).toMatchObject({ code: 0 });
  const finished = await running.finished;
  expect(finished).toMatchObject({ code: 1, result: { status: 'rolled-back', rolledBack: [HARM, LABEL] } });
  const fenced = finished.lines.find(({ step, message }) => step === 'Degrade' && message !== undefined);
  // One labelled by the application, one whose balance the migration changed.
  expect(fenced?.message).toMatch(
    /at most \d+ transactions wrote between .*2 rows of public\."Account" \(2 changed; 2 while the migration ran/,
  );
  // Proven back, and no longer fenced.
  await sql(`UPDATE "Account" SET "balance" = "balance" WHERE "id" = 'account 2'`);
});

test('an untried down script in rows of before runs by itself where policy lets data be lost', async () => {
  const prisma = await project(...failing({ label: DROP_LABEL }));
  const back = await run(prisma, '--skip-rehearsal', '--approve', 'auto', '--restore', 'auto');
  expect(back).toMatchObject({ code: 1, result: { status: 'rolled-back', rolledBack: [HARM, LABEL] } });
});

test('where policy lets nothing be lost and nobody may be asked, it is held, and nothing is lost until a person restores', async () => {
  const prisma = await project(...failing({ label: DROP_LABEL }));
  const running = start(prisma, '--approve', 'auto');
  await labelOnceItCan();
  const held = await running.finished;
  expect(held).toMatchObject({ code: 4, result: { status: 'held' } });
  expect(await sql(`SELECT "label" FROM "Account" WHERE "label" IS NOT NULL`)).toEqual([{ label: 'mine' }]);

  const to = ['restore', '--data-dir', small.dataDir, '--to', `before-${held.result.runId}`];
  expect((await godwit(to)).stdout).toMatch(/at most \d+ transactions wrote .*rows of public\."Account"/);
  const stopped = startGodwit([...to, '--yes', '--json']);
  await stopped.sees(({ message }) => message === 'writes are fenced');
  stopped.child.kill('SIGINT');
  expect(await stopped.finished).toMatchObject({ code: 130 });
  // The fence is the run's, not the restore's.
  await expect(sql(`UPDATE "Account" SET "label" = 'late'`)).rejects.toMatchObject({ code: '25006' });
  expect(await godwit([...to, '--yes'])).toMatchObject({ code: 0 });
  expect(await small.total()).toMatch(/^500500/);
  await sql(`UPDATE "Account" SET "balance" = "balance" WHERE "id" = 'account 2'`);
});

test('only what there is may be decided: without a down script no roll-back', async () => {
  const prisma = await project(...failing());
  const running = start(prisma, '--approve', 'auto', '--restore', 'ask');
  await running.sees(isAsked);
  expect(await decide('roll-back')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('restore, hold'),
  });
  expect(await decide('restore')).toMatchObject({ code: 0 });
  expect(await running.finished).toMatchObject({ code: 1, result: { status: 'restored', applied: [] } });
  expect(await small.total()).toMatch(/^500500/);
  await sql(`UPDATE "Account" SET "balance" = "balance" WHERE "id" = 'account 2'`);
});
