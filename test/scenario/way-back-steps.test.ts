/** Steps of the way back, each by itself, where something keeps it from ending at once or as a whole. */
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { ForeignEndpoint } from '../../lambda/adapters/postgres/foreign-endpoint';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { checksumOf } from '../../lambda/domain/migration';
import { type Question, questionKey } from '../../lambda/domain/question';
import { DEFAULT_POLICY, type PhaseRecords } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import { awaitDecision, degrade } from '../../lambda/steps/degrade';
import { rollBack } from '../../lambda/steps/roll-back';
import { RUN, useSteps } from '../support/steps';
import { useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const steps = useSteps();

async function assessed(runId: string, record: Partial<PhaseRecords['Assess']>): Promise<void> {
  const nothing = { rung: 'hold', approval: 'not-needed', toRollBack: [], offered: [], plan: [] } as const;
  const outcome = { verdict: 'passed', message: 'done', record: { ...nothing, ...record } } as const;
  await steps.enter('Assess', async () => outcome, { runId });
}

describe('RollBack', () => {
  const TWO = 'run-20260131-130000-ffff';
  const NAMES = ['1_first', '2_second'];

  test('hands over to its next invocation when its time is over, which goes on from there', async () => {
    const migrations = NAMES.map((name) => {
      const sql = `ALTER TABLE wallet ADD "${name}" text`;
      return { name, sql, downSql: `ALTER TABLE wallet DROP "${name}"`, checksum: checksumOf(sql) };
    });
    await createRun(steps.store, {
      runId: TWO,
      requestedAt: steps.now.toISOString(),
      requestedBy: 'me',
      database: 'wallet',
      project: { schema: '', lockfile: undefined, migrations, invariants: [] },
      policy: DEFAULT_POLICY,
    });
    const up = await migrate({ ...wallet.request(''), runId: TWO, migrations });
    expect(up).toMatchObject({ outcome: 'applied' });
    await assessed(TWO, { rung: 'down-script', toRollBack: [...NAMES].reverse() });
    const context = steps.context({
      database: wallet.database,
      progress: {
        // Each down script takes all the time that there is.
        report: ({ type, status }) => {
          if (type === 'statement' && status === 'finished') steps.pass(60_000);
        },
      },
    });
    expect(await rollBack(context, { runId: TWO })).toMatchObject({ verdict: 'waiting' });
    expect(await columns()).toEqual(['id', 'address', '1_first']);
    expect(await rollBack(context, { runId: TWO })).toMatchObject({ verdict: 'passed' });
    expect(await columns()).toEqual(['id', 'address']);
    const { rolledBack } = (await Journal.open(steps.store, TWO)).record('RollBack') ?? {};
    expect(rolledBack).toEqual([...NAMES].reverse());
  });

  async function columns(): Promise<readonly unknown[]> {
    const { rows } = await wallet.run(
      `SELECT attname FROM pg_attribute WHERE attrelid = 'wallet'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    );
    return rows.map(({ attname }) => attname);
  }
});

describe('Degrade', () => {
  test("asks, and says who may still write, where a superuser's session outlasts the fence", async () => {
    const { database } = wallet.database.address;
    await wallet.run(
      `CREATE ROLE "keeper ${database}" LOGIN PASSWORD 'secret'; ALTER DATABASE ${database} OWNER TO "keeper ${database}"`,
    );
    const superuser = await wallet.connect('psql');
    const url = new URL(await wallet.database.connectionString());
    url.username = encodeURIComponent(`keeper ${database}`);
    url.password = 'secret';
    const keeper = new PgDatabase(parseDatabaseUrl(url.href));
    const context = steps.context({
      database: keeper,
      endpoint: new ForeignEndpoint(keeper),
      notifier: { notify: async () => undefined },
    });
    await assessed(RUN, { rung: 'restore', approval: 'needed', offered: ['restore'] });
    expect(await degrade(context, { runId: RUN })).toEqual({ verdict: 'passed', route: 'decide' });
    await awaitDecision(context, { runId: RUN });

    const left = `not those of open sessions that go on: ${superuser.backendPid} of`;
    const { message } = (await Journal.open(steps.store, RUN)).checkpoint('Degrade') ?? {};
    expect(message).toContain(left);
    const asked = await steps.store.get(questionKey(RUN, 'decision'));
    expect((JSON.parse(asked?.body ?? '') as Question).text).toContain(left);
    await superuser.query(`INSERT INTO wallet VALUES (1, 'outlasts')`);
  });
});
