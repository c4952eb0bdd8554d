/** Kills the executor, or its server, in the midst of a migration, and has it run again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '../../lambda/adapters/system-clock';
import type { Migration } from '../../lambda/domain/migration';
import { migrate } from '../../lambda/migrate/executor';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import type { TestCluster } from './cluster';
import type { CrashQuery } from './crash-child';
import { CRASH_ROLE, type CrashKind } from './crash-kinds';
import { type CrashProcess, CrashProcesses } from './crash-process';
import { crashState } from './crash-state';
import { type CrashWork, runWork } from './crash-work';
import { newSchemaEngine } from './prisma-engine';

export type Random = () => number;

/** Mulberry32: the same seed leads to the same kills, but for what the machine's timing adds. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Kill {
  /** `backend`: the session's own server process, for which the whole server recovers from a crash by itself. */
  readonly of: 'executor' | 'server' | 'backend';
  /** Counted from 1; one more than there are is never reached. */
  readonly query: number;
  /** Milliseconds after it was sent; undefined: before it is sent, with everything before it answered. */
  readonly after?: number | undefined;
  /** Just before the query is sent, another transaction takes a lock that what runs CONCURRENTLY waits for. */
  readonly held?: 'ROW EXCLUSIVE' | 'ACCESS SHARE' | undefined;
  /** For how long after the kill: meanwhile the statement of the dead process may go on. */
  readonly heldOnMs?: number | undefined;
  /** The rerun is killed as well, before this query of it. */
  readonly again?: number | undefined;
}

interface Prepared {
  readonly kind: CrashKind;
  readonly template: string;
  readonly undisturbed: Readonly<Record<string, unknown>>;
  /** Those of the undisturbed run. */
  readonly queries: readonly CrashQuery[];
}

const clock = new SystemClock();

export class CrashMatrix {
  readonly #server: TestCluster;
  readonly #processes = new CrashProcesses();
  readonly #prepared = new Map<string, Promise<Prepared>>();
  #databases = 0;
  kills = 0;

  constructor(server: TestCluster) {
    this.#server = server;
  }

  async close(): Promise<void> {
    await this.#processes.close();
  }

  prepared(kind: CrashKind): Promise<Prepared> {
    const known = this.#prepared.get(kind.name) ?? this.#prepare(kind);
    this.#prepared.set(kind.name, known);
    return known;
  }

  /** Answers what is wrong afterwards; undefined: nothing. `missed`: the point was not reached, and nobody killed. */
  async run(kind: CrashKind, kill: Kill): Promise<{ missed: boolean; point: string; wrong: unknown }> {
    const { template, undisturbed } = await this.prepared(kind);
    const database = await this.#copyOf(template);
    const point = await this.#crash(database, kind, kill);
    if (kill.again !== undefined) {
      await this.#crash(database, kind, { of: 'executor', query: kill.again });
    }
    const rerun = await runWork(database, kind, clock);
    const state = await stateOf(database, kind);
    const wrong = rerun.outcome === 'applied' ? differenceOf(undisturbed, state) : (rerun as unknown);
    if (wrong === undefined) await this.#drop(database);
    return { missed: point === undefined, point: point ?? '', wrong };
  }

  async #crash(database: Database, kind: CrashKind, kill: Kill): Promise<string | undefined> {
    const running = await this.#start(database, kind, {
      query: kill.query,
      how: kill.after === undefined || kill.held !== undefined ? 'hold' : 'pass',
    });
    const reached = await running.reached;
    if (reached !== undefined) {
      const holder = kill.held === undefined ? undefined : await hold(database, kind.held ?? [], kill.held);
      if (holder !== undefined) running.goOn();
      if (kill.after !== undefined) await sleep(kill.after);
      await this.#strike(kill, running, reached.backendPid);
      const released = sleep(kill.heldOnMs ?? 0).then(() => holder?.close());
      if (kill.heldOnMs === undefined) await released;
    }
    const ended = await running.ended;
    if (ended.news === 'ended' && ended.as.startsWith('untyped:')) throw new Error(ended.as);
    return reached?.sql;
  }

  async #strike(kill: Kill, running: CrashProcess, backendPid: number): Promise<void> {
    if (kill.of === 'executor') {
      this.kills += 1;
      running.kill();
      return;
    }
    if (kill.of === 'backend') {
      // Let go on, it may have come to its end before the blow.
      if (wasThereToKill(backendPid)) this.kills += 1;
      running.goOn();
      await running.ended;
      await this.#untilUp();
      return;
    }
    const status = await this.#server.cluster.status();
    if (status.state !== 'running') throw new Error('There is no server to kill.');
    this.kills += 1;
    process.kill(status.pid, 'SIGQUIT');
    // Now and then it meets a server that is down, and now and then one that is up again.
    if (kill.query % 2 === 0) running.goOn();
    await untilGone(status.pid);
    await this.#server.cluster.ensureStarted();
    running.goOn();
    await running.ended;
  }

  async #untilUp(): Promise<void> {
    const maintenance = await this.#server.cluster.database('postgres');
    const deadline = Date.now() + 20_000;
    for (;;) {
      try {
        await withSession(maintenance, { applicationName: 'test' }, (session) => session.query('SELECT 1'));
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(20);
      }
    }
  }

  async #start(
    database: Database,
    work: CrashWork,
    stop?: { readonly query: number; readonly how: 'hold' | 'pass' },
  ): Promise<CrashProcess> {
    const url = new URL(await database.connectionString());
    const { direction, migrations } = work;
    return this.#processes.start({
      options: { ...database.address, password: decodeURIComponent(url.password) },
      work: { direction, migrations },
      stop,
    });
  }

  async #prepare(kind: CrashKind): Promise<Prepared> {
    const template = `crash_${kind.name.replace(' ', '_')}`;
    await this.#maintain(`CREATE DATABASE ${template} TEMPLATE template0`);
    const before = await this.#server.cluster.database(template);
    const common = { database: before, runId: 'before', maxBlockingMs: 200, giveUpAfterMs: 20_000, clock };
    await migrate({ ...common, migrations: kind.before });
    const database = await this.#copyOf(template);
    const ended = await (await this.#start(database, kind)).ended;
    if (ended.news !== 'ended' || ended.as !== 'applied') {
      throw new Error(`${kind.name} does not succeed undisturbed: ${JSON.stringify(ended)}`);
    }
    const undisturbed = await stateOf(database, kind);
    await this.#drop(database);
    return { kind, template, undisturbed, queries: ended.queries };
  }

  async #copyOf(template: string): Promise<Database> {
    this.#databases += 1;
    const name = `crash_${this.#databases}`;
    // Through the files: what is copied through the log would be archived, too, a thousand times over.
    await this.#maintain(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    return this.#server.cluster.database(name);
  }

  async #drop({ address }: Database): Promise<void> {
    await this.#maintain(`DROP DATABASE ${address.database} WITH (FORCE)`);
  }

  async #maintain(sql: string): Promise<void> {
    const maintenance = await this.#server.cluster.database('postgres');
    await withSession(maintenance, { applicationName: 'test' }, (session) => session.query(sql));
  }
}

export async function createCrashRole(database: Database): Promise<void> {
  await withSession(database, { applicationName: 'test' }, (session) =>
    session.query(`CREATE ROLE ${CRASH_ROLE}`),
  );
}

async function hold(database: Database, tables: readonly string[], mode: string): Promise<Session> {
  const session = await database.connect({ applicationName: 'app' });
  await session.query('BEGIN');
  for (const table of tables) await session.query(`LOCK TABLE ${table} IN ${mode} MODE`);
  return session;
}

async function untilGone(pid: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > deadline) throw new Error(`The server (process ${pid}) did not end.`);
    await sleep(5);
  }
}

function differenceOf(
  expected: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, unknown>>,
): unknown {
  const parts = Object.keys(expected).filter(
    (part) => JSON.stringify(expected[part]) !== JSON.stringify(found[part]),
  );
  if (parts.length === 0) return undefined;
  return parts.map((part) => {
    const [before, after] = [linesOf(expected[part]), linesOf(found[part])];
    return {
      part,
      missing: before.filter((line) => !after.includes(line)),
      unexpected: after.filter((line) => !before.includes(line)),
    };
  });
}

const linesOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).map((line) => JSON.stringify(line));

function wasThereToKill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** With what Prisma's engine has to say to it. */
async function stateOf(database: Database, kind: CrashKind): Promise<Readonly<Record<string, unknown>>> {
  const migrations: readonly Migration[] = [...kind.before, ...kind.migrations];
  const diagnosis = await newSchemaEngine().diagnose(database, {
    schema: 'datasource db {\n  provider = "postgresql"\n}\n',
    lockfile: 'provider = "postgresql"\n',
    migrations: [...new Map(migrations.map((migration) => [migration.name, migration])).values()],
    invariants: [],
  });
  return { ...(await crashState(database)), diagnosis };
}
