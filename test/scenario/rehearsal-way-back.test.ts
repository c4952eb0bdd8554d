/** On a clone: a down script is trusted only where it led back to the same schema and data, and up again from there. */
import { readContents } from '../../lambda/checks/table-content';
import { readRequest } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import { type Database, withSession } from '../../lambda/ports/database';
import type { Recovery } from '../../lambda/ports/recovery';
import { readProof } from '../../lambda/steps/proof';
import { runRehearsal } from '../../lambda/steps/rehearse';
import { execute } from '../support/prisma-engine';
import { idsIn, lossesIn, RUN, recordIn, useRehearsals } from '../support/rehearsals';

const INIT = `
CREATE TABLE account (id int PRIMARY KEY, name text NOT NULL, note text);
INSERT INTO account SELECT n, 'name ' || n, 'note ' || n FROM generate_series(1, 20) n;
CREATE SEQUENCE counter;
`;

const rehearsals = useRehearsals(INIT);
const { rehearse } = rehearsals;

const addColumn = { up: 'ALTER TABLE account ADD extra text', down: 'ALTER TABLE account DROP extra' };

test('a script that drops a column and adds it again without its values is not trusted', async () => {
  const rehearsal = await rehearse([
    {
      up: 'ALTER TABLE account ADD extra text',
      down: 'ALTER TABLE account DROP extra, DROP note; ALTER TABLE account ADD note text',
    },
  ]);
  expect(rehearsal.downProven).toEqual([]);
  expect(rehearsal.findings).toMatchObject([{ id: 'down-script-loses-data', subject: 'public.account' }]);
});

test('a script that leaves another schema is not trusted, nor are those after it', async () => {
  const rehearsal = await rehearse([
    { ...addColumn, down: "COMMENT ON TABLE account IS 'as it was'" },
    { up: 'CREATE TABLE more (id int PRIMARY KEY)', down: 'DROP TABLE more' },
  ]);
  expect(rehearsal.downProven).toEqual([]);
  expect(rehearsal.findings).toMatchObject([{ id: 'down-script-failed', migration: '2_test' }]);
});

test("Prisma's comparison with the history before counts as well as the catalog's", async () => {
  await execute(rehearsals.database, 'CREATE TABLE stray (id int PRIMARY KEY)');
  const rehearsal = await rehearse([addColumn]);
  expect(rehearsal.downProven).toEqual([]);
  expect(rehearsal.findings).toContainEqual(
    expect.objectContaining({ id: 'down-script-failed', effect: expect.stringContaining('"stray"') }),
  );
});

test.each([
  [
    'what the catalog picture leaves out stays in the way',
    'CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int)',
    'COMMENT ON TABLE account IS NULL',
    'already exists with same argument types',
  ],
  [
    'a sequence that went on leads elsewhere',
    `DO $$ BEGIN EXECUTE format('CREATE TABLE made_%s (id int PRIMARY KEY)', nextval('counter')); END $$`,
    `DO $$ BEGIN EXECUTE format('DROP TABLE made_%s', currval('counter')); EXCEPTION WHEN OTHERS THEN DROP TABLE made_1; END $$`,
    'public.made_1',
  ],
])(
  'a script after which the migration does not apply as before is not trusted: %s',
  async (_, up, down, reason) => {
    const rehearsal = await rehearse([{ up, down }]);
    expect(rehearsal.downProven).toEqual([]);
    expect(rehearsal.findings).toMatchObject([
      { id: 'down-script-blocks-reapply', migration: '2_test', effect: expect.stringContaining(reason) },
    ]);
  },
);

test('what comes after a migration without a way back is proven against how things stood before it', async () => {
  const rehearsal = await rehearse([
    { up: "UPDATE account SET note = 'other' WHERE id = 7" },
    {
      up: 'DELETE FROM account WHERE id = 20',
      down: "INSERT INTO account VALUES (20, 'name 20', 'note 20')",
    },
  ]);
  expect(rehearsal.downProven).toEqual(['3_test']);
  expect(idsIn(rehearsal)).toContain('no-down-script');
});

test('what comes after a migration without a way back is no less compared', async () => {
  const rehearsal = await rehearse([
    { up: "UPDATE account SET note = 'other' WHERE id = 7" },
    { up: 'DELETE FROM account WHERE id = 20', down: "INSERT INTO account VALUES (20, 'name 20', NULL)" },
  ]);
  expect(rehearsal.downProven).toEqual([]);
  expect(idsIn(rehearsal)).toEqual(['no-down-script', 'down-script-loses-data']);
});

test('the proof of the restore point holds what stood there before anything was applied', async () => {
  const contents = await withSession(rehearsals.database, { applicationName: 'godwit test' }, (session) =>
    readContents(session),
  );
  await rehearse([{ up: "UPDATE account SET note = 'other'" }]);
  const proof = await readProof(rehearsals.store, `before-${RUN}`);
  expect(proof?.contents).toEqual(contents);
  expect(proof?.catalog).toContainEqual(expect.stringContaining('relation public.account'));
});

test('a script that a deadline cuts short is not called proven', async () => {
  const deadline = new AbortController();
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(deadline.signal);
  const rehearsal = await rehearse([{ ...addColumn, down: `SELECT pg_sleep(60); ${addColumn.down}` }], {
    endsOverdueSteps: true,
    progress: {
      report: (event) =>
        void ('message' in event && event.message?.startsWith('down script') && deadline.abort()),
    },
  });
  timeout.mockRestore();
  expect(rehearsal.downProven).toEqual([]);
  expect(lossesIn(rehearsal)).toEqual([]);
  expect(rehearsal.findings).toMatchObject([
    { id: 'down-scripts-not-proven', effect: expect.stringContaining("ran out of its step's time") },
  ]);
});

test('a clone that an earlier attempt has left half-way is replaced, and what it held is taken for no proof', async () => {
  let clone: Database | undefined = rehearsals.database;
  const recovery: Partial<Recovery> = {
    inspectInstance: async () => ({ state: clone ? 'ready' : 'absent' }),
    beginInstance: async () => {
      clone ??= await rehearsals.freshDatabase();
      return { state: 'creating' };
    },
    openInstance: async () => {
      if (clone === undefined) throw new Error('it is not there');
      return clone;
    },
    discardInstance: async () => {
      clone = undefined;
    },
  };
  const context = await rehearsals.prepare([addColumn], { recovery: recovery as Recovery });
  const { project } = await readRequest(rehearsals.store, RUN);
  const executor = { runId: RUN, maxBlockingMs: 1000, giveUpAfterMs: 1000, clock: context.clock };
  await migrate({ ...executor, database: rehearsals.database, migrations: project.migrations.slice(1) });

  expect(await runRehearsal(context, { runId: RUN })).toMatchObject({ verdict: 'waiting' });
  expect(await readProof(rehearsals.store, `before-${RUN}`)).toBeUndefined();
  expect(await runRehearsal(context, { runId: RUN })).toMatchObject({ verdict: 'passed' });
  expect(await recordIn(rehearsals.store)).toMatchObject({ downProven: ['2_test'] });
  const proof = await readProof(rehearsals.store, `before-${RUN}`);
  expect(proof?.catalog).not.toContainEqual(expect.stringContaining('account.extra'));
  expect(clone).toBeUndefined();
});
