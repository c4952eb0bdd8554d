import type { StatementEvent } from '../../lambda/migrate/executor';
import { ONCE, ROWS, useBackfillWallet } from '../support/backfill-wallet';
import { failureOf } from '../support/wallet-executor';

const { batches, count, up, visits, wallet, whenWritten } = useBackfillWallet();

describe('a backfill', () => {
  test('writes every row once, in several transactions, and leaves no trace in the journal', async () => {
    const events: StatementEvent[] = [];
    const outcome = await up(ONCE, { onEvent: (event) => void events.push(event) });
    expect(outcome).toMatchObject({
      outcome: 'applied',
      statements: [{ statement: 1, line: 2, attempts: 1 }],
    });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
    expect(await batches()).toBeGreaterThan(1);
    expect(await count('_godwit.statement')).toBe(0);
    expect(await wallet.ledger()).toMatchObject([{ appliedSteps: 1 }]);
    expect(events.map(({ status }) => status)).toEqual(
      expect.arrayContaining(['started', 'progress', 'finished']),
    );
    expect(events.findLast(({ status }) => status === 'progress')).toMatchObject({
      done: ROWS,
      total: ROWS,
      unit: 'rows',
    });
  });

  test.each([
    ['an empty table', 'TRUNCATE wallet', ONCE, []],
    ['one row', 'DELETE FROM wallet WHERE id > 3', ONCE, [{ visits: 1, rows: 1 }]],
    [
      'a condition with OR',
      'SELECT 1',
      `${ONCE} WHERE id <= 300 OR id > 4200`,
      [
        { visits: 0, rows: 1300 },
        { visits: 1, rows: 200 },
      ],
    ],
    [
      'an alias and a WITH that reads',
      'CREATE TABLE bonus AS SELECT id FROM wallet WHERE id % 2 = 0',
      '-- godwit:backfill wallet by id\nWITH b AS (SELECT id AS x FROM bonus) UPDATE wallet AS w SET visits = w.visits + 1 FROM b WHERE b.x = w.id',
      [
        { visits: 0, rows: 750 },
        { visits: 1, rows: 750 },
      ],
    ],
  ])('of %s', async (_, before, sql, expected) => {
    await wallet.run(before);
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual(expected);
  });

  test('of a DELETE with USING removes what matches', async () => {
    await wallet.run('CREATE TABLE gone AS SELECT id AS "the id" FROM wallet WHERE id % 2 = 0');
    const sql = '-- godwit:backfill\nDELETE FROM public.wallet USING gone WHERE gone."the id" = wallet.id';
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet')).toBe(750);
    expect(await count('wallet WHERE id % 2 = 0')).toBe(0);
  });

  test('of a partitioned table walks all of its partitions by the common key', async () => {
    await wallet.run(`
      CREATE TABLE part (region text, id int, visits int DEFAULT 0, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
      CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu'); CREATE TABLE part_us PARTITION OF part FOR VALUES IN ('us');
      INSERT INTO part SELECT CASE WHEN n % 3 = 0 THEN 'eu' ELSE 'us' END, n FROM generate_series(1, 1400) n`);
    expect(await up('-- godwit:backfill\nUPDATE part SET visits = visits + 1')).toMatchObject({
      outcome: 'applied',
    });
    expect(await visits('part')).toEqual([{ visits: 1, rows: 1400 }]);
    expect(await batches('part')).toBeGreaterThan(1);
  });

  test('keeps its place among other statements, each done once', async () => {
    const sql = `UPDATE wallet SET visits = visits + 10;\n${ONCE};\nCREATE INDEX CONCURRENTLY wallet_v ON wallet (visits)`;
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 11, rows: ROWS }]);
    expect(await wallet.indexes()).toEqual([{ name: 'wallet_v', valid: true }]);
  });

  test("runs as the file's role with the file's settings, and is journaled as ourselves", async () => {
    await wallet.run(`
      CREATE ROLE backfiller; GRANT SELECT, UPDATE ON wallet TO backfiller;
      CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO backfiller;
      CREATE FUNCTION evil.never(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
      CREATE OPERATOR evil.> (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.never);
      CREATE OPERATOR evil.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.never);
      ALTER TABLE wallet ADD who text`);
    const sql = `SET ROLE backfiller; SET search_path = evil, public, pg_catalog; SET standard_conforming_strings = off;
      ${ONCE.replace('visits + 1', 'visits + 1, who = current_user')}`;
    const outcome = await up(sql);
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(await count("wallet WHERE visits = 1 AND who = 'backfiller'")).toBe(ROWS);
    await wallet.run('DROP OWNED BY backfiller; DROP ROLE backfiller');
  });
});

describe('rows that come or change meanwhile', () => {
  const FILL = '-- godwit:backfill\nUPDATE wallet SET visits = length(address) WHERE visits IS NULL';

  beforeEach(async () => {
    await wallet.run('ALTER TABLE wallet ALTER visits DROP NOT NULL, ALTER visits DROP DEFAULT');
    await wallet.run('UPDATE wallet SET visits = NULL');
  });

  test('are found by a second pass where the WHERE excludes the rows that are done', async () => {
    await whenWritten(
      3000,
      'UPDATE',
      "INSERT INTO wallet VALUES (-1, 'late'); UPDATE wallet SET visits = NULL, address = '' WHERE id = 3",
    );
    expect(await up(FILL)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet WHERE visits IS DISTINCT FROM length(address)')).toBe(0);
    expect(await count('wallet WHERE id = -1')).toBe(1);
  });

  test('are found by it, too, where what is put there takes from a sequence, which a look may not', async () => {
    await wallet.run('ALTER TABLE wallet ADD number int; CREATE SEQUENCE numbers');
    await whenWritten(4200, 'UPDATE', "INSERT INTO wallet VALUES (1, 'late')");
    const sql = "-- godwit:backfill\nUPDATE wallet SET number = nextval('numbers') WHERE number IS NULL";
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet WHERE number IS NULL')).toBe(0);
  });

  test('and rows for which there is nothing to put are written once, not once a pass', async () => {
    await wallet.run(`
      UPDATE wallet SET address = NULL WHERE id % 2 = 0;
      CREATE TABLE written (id int);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (OLD.id); RETURN NEW; END $$;
      CREATE TRIGGER note BEFORE UPDATE ON wallet FOR EACH ROW EXECUTE FUNCTION note()`);
    await whenWritten(3000, 'UPDATE', "INSERT INTO wallet VALUES (-1, 'late')");
    expect(await up(FILL)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet WHERE visits IS NULL AND address IS NOT NULL')).toBe(0);
    expect(await count('written')).toBe(ROWS + 1);
  });

  test('do not keep it from ending where the application goes on making them', async () => {
    const messages: string[] = [];
    await wallet.run(`CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO wallet VALUES (-1 - (SELECT count(*) FROM wallet WHERE id < 0), 'late'); RETURN NULL; END $$;
      CREATE TRIGGER again AFTER UPDATE ON wallet FOR EACH ROW WHEN (OLD.id < 0 OR OLD.id = 3000) EXECUTE FUNCTION again()`);
    expect(await up(FILL, { onEvent: ({ message }) => void messages.push(message ?? '') })).toMatchObject({
      outcome: 'applied',
    });
    expect(messages.join()).toContain('the last of 3 passes found 1');
  });

  test('are left alone behind the cursor, and written once ahead of it, by a statement that cannot be repeated', async () => {
    await wallet.run('UPDATE wallet SET visits = 0');
    await whenWritten(
      300,
      'UPDATE',
      "INSERT INTO wallet VALUES (-1, 'late', 0), (4499, 'late', 0), (9999, 'late', 0)",
    );
    expect(await up(ONCE)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([
      { visits: 0, rows: 2 },
      { visits: 1, rows: ROWS + 1 },
    ]);
    expect(await count('wallet WHERE id = 4499 AND visits = 1')).toBe(1);
  });

  test('are not deleted by a DELETE that has passed them', async () => {
    await whenWritten(3000, 'DELETE', "INSERT INTO wallet VALUES (-1, 'late')");
    expect(await up('-- godwit:backfill\nDELETE FROM wallet')).toMatchObject({ outcome: 'applied' });
    expect((await wallet.run('SELECT id FROM wallet')).rows).toEqual([{ id: -1 }]);
  });
});

describe('what cannot be backfilled is refused, and nothing is changed', () => {
  test.each([
    ['no primary key', 'ALTER TABLE wallet DROP CONSTRAINT wallet_pkey', ONCE, 'no primary key'],
    ['no such key', 'SELECT 1', ONCE.replace('backfill', 'backfill by address'), 'no valid unique index'],
    [
      'a key with NULLs',
      'CREATE UNIQUE INDEX ON wallet (address)',
      ONCE.replace('backfill', 'backfill by address'),
      'may be NULL',
    ],
    [
      'a partial key',
      'ALTER TABLE wallet ALTER address SET NOT NULL; CREATE UNIQUE INDEX ON wallet (address) WHERE id > 9',
      ONCE.replace('backfill', 'backfill by address'),
      'no valid unique index',
    ],
    [
      'a key in another order',
      'ALTER TABLE wallet ALTER address SET NOT NULL; CREATE UNIQUE INDEX ON wallet (address text_pattern_ops)',
      ONCE.replace('backfill', 'backfill by address'),
      'ordered otherwise',
    ],
    ['an assigned key', 'SELECT 1', '-- godwit:backfill\nUPDATE wallet SET id = id + 10000', 'assigns id'],
    ['a view', 'CREATE VIEW v AS SELECT * FROM wallet', ONCE.replace('wallet', 'v'), 'not a table'],
    ['no table', 'SELECT 1', ONCE.replace('wallet', 'wallett'), 'no table wallett'],
    ['heirs', 'CREATE TABLE heir () INHERITS (wallet)', ONCE, 'inherit'],
  ])('%s', async (_, before, sql, message) => {
    await wallet.run(before);
    expect(failureOf(await up(sql)).message).toContain(message);
    expect(await visits()).toEqual([{ visits: 0, rows: ROWS }]);
  });

  test('and what the text tells is refused with its line', async () => {
    const failed = failureOf(await up(`SELECT 1;\n${ONCE} RETURNING id`));
    expect(failed).toMatchObject({ line: 3, statement: 2, statementsDone: 0, atomic: true });
    expect(failed.message).toContain('RETURNING');
  });
});
