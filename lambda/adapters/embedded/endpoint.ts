/** Where the application finds the embedded cluster: its URL stays while writes are fenced and instances are swapped. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Session, withSession } from '../../ports/database';
import type { Endpoint, EndpointState } from '../../ports/endpoint';
import type { EmbeddedCluster } from './cluster';
import { quoted } from './cluster-databases';
import { type ClusterFacts, cutOverFile, fenceFile, homeAt } from './cluster-files';
import { type CutOverPlan, readPlan } from './cut-over-swap';
import { RecoveryRefused } from './errors';
import { isThere, readJsonIfThere, writeJson } from './files';
import { checkName, instanceData, readInstance } from './recovery-records';
import { findRunning } from './server';

interface Fence {
  readonly since: string;
  readonly reason: string;
}

const OPTIONS = {
  applicationName: 'godwit-endpoint',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
} as const;
const SETTING = 'default_transaction_read_only';
/** A session ends at its next look at interrupts, which may take it a moment. */
const PASSES = 250;
const PASS_MS = 20;

export class EmbeddedEndpoint implements Endpoint {
  readonly #cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.#cluster = cluster;
  }

  /** What counts is what the server says; the file only knows since when and why. */
  async inspect(): Promise<EndpointState> {
    const plan = await readPlan(this.#cluster.dataDir);
    if (plan !== undefined)
      return { state: 'cutting-over', message: `${plan.instance} takes the cluster's place` };
    const facts = await this.#cluster.facts();
    const fenced = await withSession(
      await this.#cluster.database('postgres'),
      { ...OPTIONS, readOnly: true },
      (session) => isFenced(session, facts.database),
    );
    if (!fenced) return { state: 'serving' };
    const fence = await readJsonIfThere<Fence>(fenceFile(this.#cluster.dataDir));
    return {
      state: 'fenced',
      since: fence?.since ?? facts.lineages[0]?.since ?? '',
      reason: fence?.reason ?? 'unknown',
    };
  }

  async fence(reason: string): Promise<void> {
    const file = fenceFile(this.#cluster.dataDir);
    const facts = await this.#cluster.facts();
    await withSession(await this.#cluster.database('postgres'), OPTIONS, async (session) => {
      if (!(await isFenced(session, facts.database))) {
        await writeJson(file, { since: new Date().toISOString(), reason } satisfies Fence);
        await session.query(`ALTER DATABASE ${quoted(facts.database)} SET ${SETTING} = on`);
      }
      await endOpenSessions(session, facts.database);
    });
  }

  async unfence(): Promise<void> {
    const { database } = await this.#cluster.facts();
    await withSession(await this.#cluster.database('postgres'), OPTIONS, (session) =>
      lift(session, database),
    );
    // The file is left: without the setting it says nothing.
  }

  async cutOver(instance: string, keepAs: string): Promise<'passed' | 'waiting'> {
    checkName(instance);
    checkName(keepAs);
    await this.#cluster.locked(async () => {
      const facts = await this.#cluster.facts();
      if (!(await this.#isDone(facts, instance, keepAs))) await this.#plan(facts, instance, keepAs);
      const { database } = await this.#cluster.startLocked();
      await withSession(database, OPTIONS, (session) => lift(session, facts.database));
    });
    return 'passed';
  }

  async #isDone(facts: ClusterFacts, instance: string, keepAs: string): Promise<boolean> {
    if ((await readPlan(this.#cluster.dataDir)) !== undefined) return false;
    const last = facts.cutOvers.at(-1);
    return (
      last?.instance === instance &&
      last.keepAs === keepAs &&
      !(await isThere(instanceData(homeAt(facts.home), instance)))
    );
  }

  /** From here on there is no way back; whoever starts the cluster next carries it out. */
  async #plan(facts: ClusterFacts, instance: string, keepAs: string): Promise<void> {
    const planned = await readPlan(this.#cluster.dataDir);
    if (planned?.instance === instance && planned.keepAs === keepAs) return;
    if (planned !== undefined) {
      throw new RecoveryRefused(
        `Cut-over to ${instance}`,
        `the one to ${planned.instance} is not finished yet`,
      );
    }
    const home = homeAt(facts.home);
    const record = await readInstance(home, instance);
    if (record?.state !== 'ready' || (await findRunning(instanceData(home, instance))) === undefined) {
      throw new RecoveryRefused(`Cut-over to ${instance}`, 'there is no such instance that is ready');
    }
    if (await isThere(join(home.kept, keepAs))) {
      throw new RecoveryRefused(`Cut-over to ${instance}`, `another cluster is kept as ${keepAs} already`);
    }
    const lineage = Math.max(...facts.lineages.map(({ number }) => number)) + 1;
    const plan: CutOverPlan = { instance, keepAs, lineage, at: new Date().toISOString() };
    await writeJson(cutOverFile(this.#cluster.dataDir), plan);
  }
}

async function isFenced(session: Session, database: string): Promise<boolean> {
  const { rowCount } = await session.query(
    `SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
      WHERE d.datname = $1 AND s.setrole = 0 AND $2 = ANY (s.setconfig)`,
    [database, `${SETTING}=on`],
  );
  return rowCount > 0;
}

async function lift(session: Session, database: string): Promise<void> {
  if (await isFenced(session, database))
    await session.query(`ALTER DATABASE ${quoted(database)} RESET ${SETTING}`);
}

/**
 * The setting holds for sessions that begin after it; those that began before are ended, writing or not, since nobody
 * can tell what they do next. Godwit's own go on.
 */
async function endOpenSessions(session: Session, database: string): Promise<void> {
  const { rows } = await session.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  for (let pass = 0; pass < PASSES; pass += 1) {
    const { rowCount } = await session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
          AND application_name NOT LIKE 'godwit%' AND backend_start <= $2`,
      [database, rows[0]?.now],
    );
    if (rowCount === 0) return;
    await sleep(PASS_MS);
  }
  throw new RecoveryRefused(
    `Fence around ${database}`,
    'open sessions of the application do not end; fence again',
  );
}
