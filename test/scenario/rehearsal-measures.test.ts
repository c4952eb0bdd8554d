/** What a rehearsal measures on its clone, what it makes of it for production, and when it asks or refuses. */
import { DEFAULT_LIMITS } from '../../lambda/domain/estimate';
import type { StatementTiming } from '../../lambda/domain/run';
import { step } from '../../lambda/steps/enter';
import { warmUp } from '../../lambda/steps/rehearsal-warm-up';
import { type Rehearsal, RUN, useRehearsals } from '../support/rehearsals';

const ROWS = 50_000;

const INIT = `
CREATE TABLE entry (id int PRIMARY KEY, n int NOT NULL, kind text NOT NULL, note text);
INSERT INTO entry SELECT i, i, 'common', NULL FROM generate_series(1, ${ROWS}) i;
CREATE INDEX entry_n ON entry (n);
CREATE TABLE calm (id int PRIMARY KEY);
ANALYZE entry, calm;
`;

/** At least so large is the table: 24 bytes of header, and four columns. */
const TABLE_BYTES = ROWS * 40;

const { rehearse, prepare } = useRehearsals(INIT);

const timed = ({ statements }: Rehearsal, migration: string, statement = 1): StatementTiming => {
  const found = statements.find((one) => one.migration === migration && one.statement === statement);
  if (found === undefined) throw new Error(`no timing of ${migration}`);
  return found;
};

const modes = ({ locks = [] }: StatementTiming): readonly string[] =>
  locks.map(({ relation, mode }) => `${relation} ${mode}`);

const findings = ({ findings: all }: Rehearsal, id: string) => all.filter((finding) => finding.id === id);

describe('each statement', () => {
  let rehearsal: Rehearsal;
  const once = async (): Promise<Rehearsal> => {
    rehearsal ??= await rehearse([
      { up: 'ALTER TABLE entry ALTER COLUMN id TYPE bigint' },
      { up: 'CREATE INDEX CONCURRENTLY entry_kind ON entry (kind)' },
      { up: `-- godwit:backfill\nUPDATE entry SET note = 'filled' WHERE note IS NULL` },
      { up: `DO $$ BEGIN EXECUTE 'ALTER TABLE calm ADD COLUMN more int'; END $$` },
      { up: 'ALTER TABLE calm ADD COLUMN plain int; COMMENT ON TABLE calm IS NULL' },
      { up: 'DROP TABLE calm' },
    ]);
    return rehearsal;
  };

  test('that writes a table anew is told with its lock, its WAL and its copy on disk', async () => {
    const rewriting = timed(await once(), '2_test');
    expect(rewriting).toMatchObject({ rewrites: true, unforeseen: [] });
    expect(modes(rewriting)).toContain('public.entry AccessExclusiveLock');
    expect(rewriting.cost?.walBytes).toBeGreaterThan(TABLE_BYTES);
    expect(rewriting.cost?.grownBytes).toBeGreaterThan(TABLE_BYTES);
  });

  test('outside of a transaction is followed from another session', async () => {
    const building = timed(await once(), '3_test');
    expect(modes(building)).toContain('public.entry ShareUpdateExclusiveLock');
    expect(building).toMatchObject({ rewrites: false, unforeseen: [] });
    expect(building.cost?.grownBytes).toBeGreaterThan(0);
  });

  test('of a backfill counts all of its batches', async () => {
    const filling = timed(await once(), '4_test');
    expect(modes(filling)).toEqual(['public.entry RowExclusiveLock']);
    expect(filling.cost?.walBytes).toBeGreaterThan(TABLE_BYTES);
    expect(filling.unforeseen).toEqual([]);
  });

  test('that hides another in a block is found out by the lock that it took', async () => {
    expect(findings(await once(), 'lock-not-foreseen')).toEqual([
      expect.objectContaining({
        severity: 'warning',
        migration: '5_test',
        line: 1,
        subject: 'public.calm',
        effect:
          'it took AccessExclusiveLock, and none was foretold: it runs code that its text does not show',
      }),
    ]);
  });

  test('is held to account for its own locks, and holds them until its transaction ends', async () => {
    const all = await once();
    expect(modes(timed(all, '6_test', 1))).toEqual(['public.calm AccessExclusiveLock']);
    expect(modes(timed(all, '6_test', 2))).toEqual(['public.calm ShareUpdateExclusiveLock']);
  });

  test('that drops a table is told with the lock on what is gone', async () => {
    const all = await once();
    expect(modes(timed(all, '7_test'))).toContain('public.calm AccessExclusiveLock');
    expect(findings(all, 'foretold-not-seen')).toEqual([]);
  });

  test('adds to what is foretold for production', async () => {
    const { estimate } = await once();
    const { duration, disk, basis, lockWait } = estimate ?? {};
    expect(duration?.likelyMs).toBeGreaterThan(0);
    expect(duration?.lowMs).toBeLessThanOrEqual(duration?.likelyMs ?? 0);
    expect((duration?.highMs ?? 0) / (duration?.likelyMs ?? 1)).toBeCloseTo(2, 1);
    expect(disk?.walBytes).toBeGreaterThan(3 * TABLE_BYTES);
    expect(disk?.temporaryBytes).toEqual(expect.any(Number));
    // Four statements take a lock that blocks: one rewrites, one is hidden, one is plain, one drops.
    expect(lockWait).toEqual({ statements: 4, giveUpMs: 60_000 });
    expect(basis).toContainEqual(expect.stringContaining('The tables had been read before'));
  });
});

const QUERIES = [
  { file: 'watched/latest.sql', sql: `SELECT * FROM entry WHERE n > ${ROWS - 10}` },
  { file: 'watched/of_kind.sql', sql: 'SELECT count(*) FROM entry WHERE kind = $1;\n-- asked often' },
  { file: 'watched/note.sql', sql: 'UPDATE entry SET kind = note WHERE id = 5' },
];

test('plans of watched queries are compared, the node is named, and nothing of them is executed', async () => {
  const rehearsal = await rehearse(
    [
      {
        up: `DROP INDEX entry_n; ALTER TABLE entry DROP COLUMN note; CREATE INDEX entry_kind ON entry (kind, id);`,
      },
    ],
    { watched: QUERIES },
  );
  expect(rehearsal.plans).toMatchObject([
    {
      file: 'watched/latest.sql',
      verdict: 'worse',
      reason: expect.stringMatching(
        /^Seq Scan on entry \(cost \d+\), before Index Scan using entry_n on entry/,
      ),
    },
    { file: 'watched/of_kind.sql', verdict: 'same' },
    { file: 'watched/note.sql', verdict: 'fails', reason: 'column "note" does not exist' },
  ]);
  const found = findings(rehearsal, 'plan-regression');
  expect(found.map(({ subject, severity }) => [subject, severity])).toEqual([
    ['watched/latest.sql', 'warning'],
    ['watched/note.sql', 'warning'],
  ]);
  expect(rehearsal.asks).toEqual(found.map(({ subject, effect }) => `${subject}: ${effect}`));
});

test('a plan that lacks statistics alone is told apart from one that lacks an index', async () => {
  const rehearsal = await rehearse([{ up: 'ALTER TABLE entry ALTER COLUMN n TYPE bigint' }], {
    watched: QUERIES.slice(0, 1),
  });
  expect(rehearsal.plans).toMatchObject([{ verdict: 'worse-until-analyze' }]);
  expect(findings(rehearsal, 'plan-regression')).toMatchObject([
    { remedy: expect.stringContaining('ANALYZE "public"."entry"') },
  ]);
});

test('what goes beyond the limits is told, and is what a person is asked for', async () => {
  const migration = [{ up: 'ALTER TABLE entry ALTER COLUMN id TYPE bigint' }];
  const capacity = { freeBytes: async () => TABLE_BYTES };
  const strict = { ...DEFAULT_LIMITS, durationMs: 1 };
  const asked = await rehearse(migration, { capacity, policy: { limits: strict, maxBlockingMs: 1 } });
  const ids = ['rehearsal-exceeds-blocking', 'rehearsal-exceeds-duration', 'rehearsal-exceeds-disk'];
  expect(asked.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(asked.findings.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  expect(asked.asks).toHaveLength(3);
  // The copy that a table written anew needs is given back, and counts nevertheless.
  const { peakBytes = 0, grownBytes = 0 } = asked.estimate?.disk ?? {};
  expect(peakBytes).toBeGreaterThan(TABLE_BYTES);
  expect(grownBytes).toBeLessThan(peakBytes / 2);
});

test('what can be taken back runs twice; and the limits of a stage count above those of the request, and may refuse', async () => {
  const refused = await rehearse(
    [{ up: 'ALTER TABLE calm ADD COLUMN more int', down: 'ALTER TABLE calm DROP COLUMN more' }],
    {
      limits: { ...DEFAULT_LIMITS, beyond: 'block', durationMs: 1 },
      policy: { limits: DEFAULT_LIMITS },
    },
  );
  expect(refused.estimate?.basis.at(-1)).toContain('It ran twice');
  expect(refused.estimate?.duration.lowMs).toBeGreaterThan(0);
  expect(findings(refused, 'rehearsal-exceeds-duration')).toMatchObject([{ severity: 'error' }]);
  expect(refused.asks).toEqual([]);
});

describe('where a database is too large to read all of it', () => {
  const large = { databaseBytes: 6_000_000_000 };

  test('the tables that the migrations read are read before', async () => {
    const told: string[] = [];
    const { estimate } = await rehearse([{ up: 'ALTER TABLE entry ALTER COLUMN kind SET NOT NULL' }], {
      ...large,
      progress: { report: (event) => void told.push(event.message ?? '') },
    });
    expect(told).toContain('reading public.entry, so that its storage is warm');
    expect(told).not.toContain('reading public.calm, so that its storage is warm');
    expect(estimate?.basis).toContainEqual(expect.stringContaining('The tables had been read before'));
  });

  test('what there was no time to read is named', async () => {
    const context = await prepare([{ up: 'ALTER TABLE entry ADD more int; ALTER TABLE calm ADD more int' }]);
    const warming = step<'Rehearse'>('RunRehearsal', async (run) => {
      const late = { ...run, endsOverdueSteps: true, deadline: run.clock.now() };
      expect(await warmUp(late, run.database)).toEqual({
        state: 'cold',
        unread: ['public.entry', 'public.calm'],
      });
      return { verdict: 'waiting', message: '' };
    });
    expect(await warming(context, { runId: RUN })).toMatchObject({ verdict: 'waiting' });
  });
});
