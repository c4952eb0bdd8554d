/** Takes a random history through the whole workflow on a real cluster, and compares what is left with the restore point. */
import { rm } from 'node:fs/promises';
import { DiskCapacity } from '../../lambda/adapters/embedded/disk-capacity';
import { EmbeddedEndpoint } from '../../lambda/adapters/embedded/endpoint';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { executeWorkflow, type StepHandler } from '../../lambda/adapters/embedded/workflow/local-workflow';
import { pictureCatalog } from '../../lambda/checks/catalog';
import { readContents } from '../../lambda/checks/table-content';
import type { Project } from '../../lambda/domain/migration';
import { DEFAULT_POLICY, type RunOutcome } from '../../lambda/domain/run';
import { STEP_NAMES, type StepName } from '../../lambda/domain/step';
import { createRun, Journal } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import { isUnfinished, readLedger } from '../../lambda/migrate/ledger';
import { type Session, withSession } from '../../lambda/ports/database';
import { steps } from '../../lambda/steps';
import type { StepContext } from '../../lambda/steps/context';
import { restorePointOf } from '../../lambda/steps/snapshot';
import { renderDefinition } from '../../lib/render-workflow';
import type { TestCluster } from './cluster';
import { type History, INIT, INVARIANTS, migrationsOf } from './history-kinds';
import { Writers } from './history-writers';
import { newSchemaEngine } from './prisma-engine';
import { clock } from './wallet-executor';

export interface Ended {
  readonly outcome: RunOutcome;
  /** In words; empty where all is as it was at the restore point. */
  readonly differences: readonly string[];
}

export class HistoryRuns {
  readonly #on: TestCluster;
  readonly #recovery: EmbeddedRecovery;
  readonly #definition = renderDefinition();
  #runs = 0;

  constructor(on: TestCluster) {
    this.#on = on;
    this.#recovery = new EmbeddedRecovery(on.cluster, { keepRestorePoints: 2 });
  }

  close(): Promise<void> {
    return this.#recovery.close();
  }

  async run(history: History): Promise<Ended> {
    this.#runs += 1;
    const runId = `run-${this.#runs}`;
    await this.#startOver();
    const before = await this.#read(untouchedState);
    const writers = new Writers(this.#on.url, { count: history.writers, pauseMs: history.writerPauseMs });
    let outcome: RunOutcome | undefined;
    try {
      outcome = await this.#migrate(runId, history);
    } finally {
      await writers.stop();
    }
    const after = await this.#read(untouchedState);
    const differences = [
      ...differencesIn(before, after),
      ...(await this.#writtenDifferences(runId, outcome, writers)),
      ...(await this.#ledgerProblems()),
    ];
    return { outcome, differences };
  }

  async #migrate(runId: string, history: History): Promise<RunOutcome> {
    const store = new FileObjectStore(this.#on.dataDir);
    const { port } = this.#on.database.address;
    const project: Project = {
      schema: 'datasource db {\n  provider = "postgresql"\n}\n',
      lockfile: 'provider = "postgresql"\n',
      migrations: [INIT, ...migrationsOf(history, port)],
      invariants: INVARIANTS,
    };
    const { rehearse } = history;
    await createRun(store, {
      runId,
      requestedAt: new Date().toISOString(),
      requestedBy: 'test',
      database: 'histories',
      project,
      policy: {
        ...DEFAULT_POLICY,
        approve: 'auto',
        rehearse,
        wayBack: { 'down-script': 'auto', restore: 'auto' },
      },
    });
    const context = this.#context(store);
    const handlers = Object.fromEntries(
      STEP_NAMES.map((name): [StepName, StepHandler] => [name, (input) => steps[name](context, input)]),
    ) as Record<StepName, StepHandler>;
    const definition = this.#definition;
    await executeWorkflow({ definition, handlers, personsAnswer: {}, pollMs: 20 }, { runId, rehearse });
    const { outcome } = await Journal.open(store, runId);
    if (outcome === undefined) throw new Error(`${runId} was not judged`);
    return outcome;
  }

  #context(store: FileObjectStore): StepContext {
    return {
      database: this.#on.database,
      recovery: this.#recovery,
      endpoint: new EmbeddedEndpoint(this.#on.cluster),
      capacity: new DiskCapacity(this.#on.dataDir),
      store,
      engine: newSchemaEngine(),
      notifier: { notify: async () => undefined },
      metrics: { record: () => undefined },
      clock,
      progress: { report: () => undefined },
      owner: 'test',
      isOwnerGone: () => false,
      signal: new AbortController().signal,
      stepTimeMs: 60_000,
    };
  }

  /** The first migration applied, and nothing else; what earlier restores kept aside goes. */
  async #startOver(): Promise<void> {
    const { database, cluster } = this.#on;
    await withSession(database, { applicationName: 'test' }, (session) =>
      session.query(
        'DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS _godwit CASCADE',
      ),
    );
    const { home } = await cluster.kit();
    await rm(home.kept, { recursive: true, force: true });
    const outcome = await migrate({
      database,
      runId: `preparation-${this.#runs}`,
      migrations: [INIT],
      maxBlockingMs: 1_000,
      giveUpAfterMs: 1_000,
      clock,
    });
    if (outcome.outcome !== 'applied') throw new Error(JSON.stringify(outcome));
  }

  async #writtenDifferences(
    runId: string,
    { status }: RunOutcome,
    writers: Writers,
  ): Promise<readonly string[]> {
    const there = new Set(
      await this.#read(async (session) =>
        (await session.query<{ id: string }>('SELECT id FROM w1 JOIN w2 USING (id)')).rows.map(
          ({ id }) => id,
        ),
      ),
    );
    const halves = await this.#read(
      async (session) =>
        (await session.query('SELECT FROM w1 FULL JOIN w2 USING (id) WHERE w1.id IS NULL OR w2.id IS NULL'))
          .rowCount,
    );
    const point = (await this.#recovery.listRestorePoints()).find(
      ({ name }) => name === restorePointOf(runId),
    );
    const { must, may } =
      status === 'restored'
        ? writers.expectedAt(point?.lsn ?? '0/0')
        : { must: writers.acknowledged, may: writers.writes.map(({ id }) => id) };
    const allowed = new Set(may);
    return [
      ...must.filter((id) => !there.has(id)).map((id) => `the acknowledged write ${id} is lost`),
      ...[...there]
        .filter((id) => !allowed.has(id))
        .map((id) => `the write ${id} came after the restore point`),
      ...(halves > 0 ? [`${halves} writes are there by half`] : []),
    ];
  }

  async #ledgerProblems(): Promise<readonly string[]> {
    const rows = await this.#read((session) => readLedger(session));
    return rows.filter(isUnfinished).map(({ name }) => `${name} would block the next deploy (P3009)`);
  }

  #read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return withSession(this.#on.database, { applicationName: 'test', readOnly: true }, work);
  }
}

const WRITTEN = ['public.w1', 'public.w2'];

/** Lines for the schema, and for the content of all tables that the application does not write to. */
async function untouchedState(session: Session): Promise<readonly string[]> {
  const contents = await readContents(session);
  return [
    ...(await pictureCatalog(session)),
    ...Object.entries(contents)
      .filter(([table]) => !WRITTEN.includes(table))
      .map(([table, content]) => `content of ${table}: ${JSON.stringify(content)}`),
  ];
}

function differencesIn(before: readonly string[], after: readonly string[]): readonly string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `lost: ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `left: ${line}`),
  ];
}
