/** Rehearses migrations on a fresh database, which stands for the clone, of a project whose first migration is applied there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { SystemClock } from '../../lambda/adapters/system-clock';
import type { LostWrite } from '../../lambda/domain/lost-write';
import { checksumOf, type InvariantFile, type Migration } from '../../lambda/domain/migration';
import { DEFAULT_POLICY, type PhaseRecords, type Policy } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import type { Database } from '../../lambda/ports/database';
import type { StepContext } from '../../lambda/steps/context';
import { step } from '../../lambda/steps/enter';
import { rehearseOn } from '../../lambda/steps/rehearsal';
import { useCluster } from './cluster';
import { newSchemaEngine } from './prisma-engine';

export const RUN = 'run-20260131-120000-abcd';

export interface Script {
  readonly up: string;
  readonly down?: string;
}

type Preparation = Partial<StepContext> & {
  readonly databaseBytes?: number;
  readonly watched?: readonly InvariantFile[];
  readonly policy?: Partial<Policy>;
};

/** A slow machine must not make a finding of every lock. */
const POLICY: Policy = { ...DEFAULT_POLICY, maxBlockingMs: 60_000 };

export type Rehearsal = PhaseRecords['Rehearse'];

const SCHEMA = 'datasource db {\n  provider = "postgresql"\n}\n';

const clock = new SystemClock();

const migrationOf = (name: string, { up, down }: Script): Migration => ({
  name,
  sql: up,
  downSql: down,
  checksum: checksumOf(up),
});

const inert = {} as never;

/** Called at the top of a test file. `init` is the migration that every database begins with. */
export function useRehearsals(init: string) {
  const first = migrationOf('1_init', { up: init });
  const server = useCluster({
    template: async (database) => {
      const request = { runId: 'before', maxBlockingMs: 1000, giveUpAfterMs: 1000, clock };
      const outcome = await migrate({ ...request, database, migrations: [first] });
      expect(outcome).toMatchObject({ outcome: 'applied' });
    },
  });
  let root: string;
  let database: Database;
  let store: FileObjectStore;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'godwit-rehearsal-'));
    store = new FileObjectStore(root);
    database = await server.freshDatabase();
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** A run that has passed Preflight. */
  const prepare = async (
    scripts: readonly Script[],
    { databaseBytes = 1, watched = [], policy = {}, ...more }: Preparation = {},
  ): Promise<StepContext> => {
    const pending = scripts.map((script, index) => migrationOf(`${index + 2}_test`, script));
    await createRun(store, {
      runId: RUN,
      requestedAt: new Date().toISOString(),
      requestedBy: 'me',
      database: 'test',
      project: {
        schema: SCHEMA,
        lockfile: undefined,
        migrations: [first, ...pending],
        invariants: [],
        watched,
      },
      policy: { ...POLICY, ...policy },
    });
    const context: StepContext = {
      database,
      recovery: undefined,
      endpoint: undefined,
      capacity: undefined,
      store,
      engine: newSchemaEngine(),
      notifier: inert,
      metrics: { record: () => undefined },
      clock,
      progress: { report: () => undefined },
      owner: 'me',
      isOwnerGone: () => false,
      signal: new AbortController().signal,
      stepTimeMs: 60_000,
      ...more,
    };
    const preflight = step('Preflight', async () => ({
      verdict: 'passed',
      message: 'done',
      record: { pending: pending.map(({ name }) => name), findings: [], checklist: [], databaseBytes },
    }));
    await preflight(context, { runId: RUN });
    return context;
  };

  return {
    freshDatabase: () => server.freshDatabase(),
    get database() {
      return database;
    },
    get store() {
      return store;
    },
    prepare,
    /** Names of the migrations are `2_test`, `3_test` and so on. */
    rehearse: async (scripts: readonly Script[], more: Preparation = {}): Promise<Rehearsal> => {
      const context = await prepare(scripts, more);
      const rehearses = step<'Rehearse'>('RunRehearsal', async (run) => ({
        verdict: 'passed',
        message: 'done',
        record: { ...(await rehearseOn(run, database)), durationMs: 0 },
      }));
      await rehearses(context, { runId: RUN });
      return recordIn(store);
    },
  };
}

export async function recordIn(store: FileObjectStore): Promise<Rehearsal> {
  const record = (await Journal.open(store, RUN)).record('Rehearse');
  if (record === undefined) throw new Error('nothing was recorded');
  return record;
}

/** `2_test "public"."account"."note" dropped` */
export const lossesIn = ({ downLoses }: Rehearsal): readonly string[] =>
  (downLoses ?? []).map(({ migration, table, column, how }: LostWrite) =>
    [migration, column === undefined ? table : `${table}.${column}`, how].join(' '),
  );

export const idsIn = ({ findings }: Rehearsal): readonly string[] => findings.map(({ id }) => id);
