/** Where the application finds the embedded cluster: its URL stays while writes are fenced and instances are swapped. */
import { join } from 'node:path';
import { type Database, withSession } from '../../ports/database';
import type { Endpoint, EndpointState } from '../../ports/endpoint';
import { isFenced, lowerFence, raiseFence } from '../postgres/write-fence';
import { one } from './base-backup';
import type { EmbeddedCluster } from './cluster';
import { type ClusterFacts, cutOverFile, fenceFile, homeAt } from './cluster-files';
import { type CutOverPlan, hasLostReplacement, readPlan } from './cut-over-swap';
import { isThere, readJsonIfThere, writeJson } from './files';
import { settle } from './instances';
import { RecoveryRefused } from './recovery-errors';
import { checkName, instanceData, readInstance } from './recovery-records';

interface Fence {
  readonly since: string;
  readonly reason: string;
}

const STATEMENT_LIMIT_MS = 10_000;

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
    if (!(await isFenced(await this.#cluster.database()))) return { state: 'serving' };
    const fence = await readJsonIfThere<Fence>(fenceFile(this.#cluster.dataDir));
    return {
      state: 'fenced',
      since: fence?.since ?? facts.lineages[0]?.since ?? '',
      reason: fence?.reason ?? 'unknown',
    };
  }

  async fence(reason: string): Promise<void> {
    const database = await this.#cluster.database();
    if (!(await isFenced(database))) {
      const fence: Fence = { since: new Date().toISOString(), reason };
      await writeJson(fenceFile(this.#cluster.dataDir), fence);
    }
    await raiseFence(database);
  }

  async unfence(): Promise<void> {
    await lowerFence(await this.#cluster.database());
    // The file is left: without the setting it says nothing.
  }

  async cutOver(instance: string, keepAs: string): Promise<'passed' | 'waiting'> {
    checkName(instance);
    checkName(keepAs);
    await this.#cluster.locked(async () => {
      const facts = await this.#cluster.facts();
      if (!(await this.#isDone(facts, instance, keepAs))) await this.#plan(facts, instance, keepAs);
      const { database } = await this.#cluster.startLocked();
      await lowerFence(database);
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
    const home = homeAt(facts.home);
    if (planned !== undefined && !(await hasLostReplacement(home, planned))) {
      throw new RecoveryRefused(
        `Cut-over to ${instance}`,
        `the one to ${planned.instance} is not finished yet`,
      );
    }
    const record = await readInstance(home, instance);
    // Its server may be stopped: by a cut-over that got no further.
    if (record?.state !== 'ready') {
      throw new RecoveryRefused(`Cut-over to ${instance}`, 'there is no such instance that is ready');
    }
    if (await isThere(join(home.kept, keepAs))) {
      throw new RecoveryRefused(`Cut-over to ${instance}`, `another cluster is kept as ${keepAs} already`);
    }
    const lineage = Math.max(...facts.lineages.map(({ number }) => number)) + 1;
    // Before there is no way back: after a power cut the instance would be put in place as the disk has it.
    await settle({ kit: await this.#cluster.kit(), durable: this.#cluster.fsync }, instance);
    const at = await lastMoment(await this.#cluster.database());
    const plan: CutOverPlan = { instance, keepAs, lineage, at };
    await writeJson(cutOverFile(this.#cluster.dataDir), plan);
  }
}

/**
 * Recovery to a time ends at the first commit after it: this one lets every moment be returned to that the old cluster
 * served, although nothing was committed since. A cluster that cannot commit any more is replaced all the same.
 */
async function lastMoment(database: Database): Promise<string> {
  try {
    const { at } = await withSession(
      database,
      { applicationName: 'godwit-cut-over', statementTimeoutMs: STATEMENT_LIMIT_MS },
      (session) => one<{ at: Date }>(session, 'SELECT clock_timestamp() AS at, pg_current_xact_id()'),
    );
    return at.toISOString();
  } catch {
    return new Date().toISOString();
  }
}
