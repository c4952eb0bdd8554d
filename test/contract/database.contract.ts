/** What every database promises its callers. */
import {
  type Database,
  type DatabaseAddress,
  type Session,
  SQLSTATE,
  withSession,
} from '../../lambda/ports/database';

export interface DatabaseUnderTest {
  readonly database: Database;
  /** The same database at another address, or with another login; `password` replaces the right one. */
  elsewhere(change: Partial<DatabaseAddress> & { readonly password?: string }): Database;
  readonly password: string;
  dispose?(): Promise<void>;
}

const OPTIONS = { applicationName: 'godwit-contract' } as const;

export function describeDatabaseContract(name: string, make: () => Promise<DatabaseUnderTest>): void {
  describe(`${name} keeps the promises of a database`, () => {
    let under: DatabaseUnderTest;
    let database: Database;

    beforeAll(async () => {
      under = await make();
      database = under.database;
    }, 60_000);
    afterAll(async () => under?.dispose?.());

    const inSession = <T>(work: (session: Session) => Promise<T>, options = {}): Promise<T> =>
      withSession(database, { ...OPTIONS, ...options }, work);
    const settingsOf = (session: Session, names: readonly string[]) =>
      session.query(
        `SELECT ${names.map((setting) => `current_setting('${setting}') AS "${setting}"`).join(', ')}`,
      );

    it('keeps exact numbers as text and instants as Dates, whatever the time zone of the machine', async () => {
      const { rows } = await inSession((session) =>
        session.query(
          `SELECT 12345678901234567890.1234567890::numeric AS exact, 9007199254740993::int8 AS big,
                  '2026-03-29 02:30:00.123'::timestamp AS stored, '2026-03-29 02:30:00+02'::timestamptz AS instant,
                  '{1.10,2.20}'::numeric[] AS several, '2026-03-29'::date AS day, NULL::numeric AS nothing,
                  '{2026-03-29 02:30:00,NULL}'::timestamp[] AS moments`,
        ),
      );
      expect(rows).toEqual([
        {
          exact: '12345678901234567890.1234567890',
          big: '9007199254740993',
          stored: new Date('2026-03-29T02:30:00.123Z'),
          instant: new Date('2026-03-29T00:30:00Z'),
          several: ['1.10', '2.20'],
          day: '2026-03-29',
          nothing: null,
          moments: [new Date('2026-03-29T02:30:00Z'), null],
        },
      ]);
    });

    it('writes a Date into a column without time zone as UTC', async () => {
      const { rows } = await inSession((session) =>
        session.query(`SELECT $1::timestamp::text AS stored`, [new Date('2026-03-29T01:30:00.250Z')]),
      );
      expect(rows).toEqual([{ stored: '2026-03-29 01:30:00.25' }]);
    });

    it('counts rows, and answers the last of several statements', async () => {
      await inSession(async (session) => {
        expect(await session.query('SELECT generate_series(1, 3)')).toMatchObject({ rowCount: 3 });
        expect(await session.query('CREATE TEMP TABLE t (); DROP TABLE t')).toEqual({
          rows: [],
          rowCount: 0,
        });
        expect((await session.query('SELECT 1 AS a; SELECT 2 AS b')).rows).toEqual([{ b: 2 }]);
      });
    });

    it('answers statements in the order in which they were asked', async () => {
      await inSession(async (session) => {
        const answers = await Promise.all(
          [1, 2, 3].map((n) => session.query<{ n: number }>(`SELECT ${n} AS n`)),
        );
        expect(answers.map(({ rows }) => rows[0]?.n)).toEqual([1, 2, 3]);
      });
    });

    it('knows the process that serves the session', async () => {
      await inSession(async (session) => {
        const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        expect(rows[0]?.pid).toBe(session.backendPid);
      });
    });

    it('sets name and limits of a session before its first statement', async () => {
      const names = [
        'application_name',
        'statement_timeout',
        'lock_timeout',
        'default_transaction_read_only',
        'TimeZone',
      ];
      const { rows } = await inSession((session) => settingsOf(session, names), {
        statementTimeoutMs: 1234,
        lockTimeoutMs: 56,
        readOnly: true,
      });
      expect(rows).toEqual([
        {
          application_name: 'godwit-contract',
          statement_timeout: '1234ms',
          lock_timeout: '56ms',
          default_transaction_read_only: 'on',
          TimeZone: 'UTC',
        },
      ]);
    });

    it('has no limits where none were asked for, and ends what is left open', async () => {
      const names = [
        'statement_timeout',
        'lock_timeout',
        'default_transaction_read_only',
        'idle_in_transaction_session_timeout',
      ];
      const { rows } = await inSession((session) => settingsOf(session, names));
      expect(rows).toEqual([
        {
          statement_timeout: '0',
          lock_timeout: '0',
          default_transaction_read_only: 'off',
          idle_in_transaction_session_timeout: '1min',
        },
      ]);
    });

    it('refuses writes in a read-only session', async () => {
      await expect(
        inSession((session) => session.query('CREATE TABLE t ()'), { readOnly: true }),
      ).rejects.toMatchObject({
        name: 'StatementFailed',
        sqlState: SQLSTATE.readOnlyTransaction,
      });
    });

    it('cancels a statement at its time limit', async () => {
      await expect(
        inSession((session) => session.query('SELECT pg_sleep(5)'), { statementTimeoutMs: 50 }),
      ).rejects.toMatchObject({ name: 'StatementFailed', sqlState: SQLSTATE.queryCanceled });
    });

    it('gives up waiting for a lock at its time limit, and the session goes on', async () => {
      await inSession(async (holder) => {
        await holder.query('CREATE TABLE locked ()');
        await holder.query('BEGIN');
        await holder.query('LOCK TABLE locked');
        await inSession(
          async (session) => {
            await expect(session.query('SELECT FROM locked')).rejects.toMatchObject({
              name: 'StatementFailed',
              sqlState: SQLSTATE.lockNotAvailable,
            });
            expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
          },
          { lockTimeoutMs: 50 },
        );
        await holder.query('ROLLBACK');
        await holder.query('DROP TABLE locked');
      });
    });

    it('says where and why a statement failed', async () => {
      await expect(
        inSession((session) => session.query('SELECT nothing FROM pg_class')),
      ).rejects.toMatchObject({
        name: 'StatementFailed',
        sqlState: '42703',
        position: 8,
        message: expect.stringContaining('"nothing"'),
      });
    });

    it('answers a session that the server ends, and reports the connection lost from then on', async () => {
      const victim = await database.connect(OPTIONS);
      const sleeping = victim.query('SELECT pg_sleep(30)');
      const outcome = expect(sleeping).rejects.toMatchObject({
        name: 'StatementFailed',
        sqlState: SQLSTATE.adminShutdown,
      });
      await inSession(async (session) => {
        await untilActive(session, victim.backendPid);
        await session.query('SELECT pg_terminate_backend($1)', [victim.backendPid]);
      });
      await outcome;
      await expect(victim.query('SELECT 1')).rejects.toMatchObject({ name: 'ConnectionLost' });
      await victim.close();
    });

    it('survives the end of an idle session, and says why it ended', async () => {
      const victim = await database.connect(OPTIONS);
      await inSession((session) =>
        session.query('SELECT pg_terminate_backend($1, 5000)', [victim.backendPid]),
      );
      await expect(victim.query('SELECT 1')).rejects.toMatchObject({
        name: 'ConnectionLost',
        message: expect.stringContaining('terminating connection due to administrator command'),
      });
      await victim.close();
      await victim.close();
    });

    it('ends a running statement when its session is closed', async () => {
      const session = await database.connect(OPTIONS);
      const { backendPid } = session;
      const sleeping = session.query('SELECT pg_sleep(30)').then(
        () => 'done',
        (error: Error) => error.name,
      );
      await inSession(async (observer) => {
        await untilActive(observer, backendPid);
        await session.close();
        expect(await sleeping).toBe('ConnectionLost');
        await untilGone(observer, backendPid);
      });
      await expect(session.query('SELECT 1')).rejects.toMatchObject({ name: 'ConnectionLost' });
    });

    it('reports a server that nobody runs as unreachable', async () => {
      await expect(under.elsewhere({ port: 1 }).connect(OPTIONS)).rejects.toMatchObject({
        name: 'DatabaseUnreachable',
        address: { port: 1 },
      });
    });

    it.each([
      ['a database that does not exist', { database: 'no_such_database' }, '3D000'],
      ['a wrong password', { password: 'wrong-and-secret' }, '28P01'],
    ])('reports %s as refused', async (_what, change, sqlState) => {
      await expect(under.elsewhere(change).connect(OPTIONS)).rejects.toMatchObject({
        name: 'DatabaseRefused',
        sqlState,
      });
    });

    it('never shows a password in an error', async () => {
      const errors = await Promise.all(
        [{ password: 'wrong-and-secret' }, { port: 1 }, { database: 'no_such_database' }].map((change) =>
          under
            .elsewhere(change)
            .connect(OPTIONS)
            .then(
              () => 'connected',
              (error: unknown) =>
                `${error} ${JSON.stringify(error)} ${(error as Error).stack} ${(error as Error).cause}`,
            ),
        ),
      );
      for (const error of errors) {
        expect(error).not.toContain('wrong-and-secret');
        expect(error).not.toContain(under.password);
      }
      expect(JSON.stringify(database)).not.toContain(under.password);
    });

    it('gives a URL by which others can connect', async () => {
      const url = new URL(await database.connectionString());
      expect(decodeURIComponent(url.password)).toBe(under.password);
      expect(Number(url.port)).toBe(database.address.port);
    });
  });
}

async function untilActive(session: Session, pid: number): Promise<void> {
  await until(session, `SELECT FROM pg_stat_activity WHERE pid = ${pid} AND wait_event = 'PgSleep'`, 1);
}

async function untilGone(session: Session, pid: number): Promise<void> {
  await until(session, `SELECT FROM pg_stat_activity WHERE pid = ${pid}`, 0);
}

async function until(session: Session, sql: string, rowCount: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await session.query(sql)).rowCount !== rowCount) {
    if (Date.now() > deadline) throw new Error(`it never came to ${rowCount} rows: ${sql}`);
  }
}
