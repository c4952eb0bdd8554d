/**
 * The part of a cut-over that moves data directories: begun, it is finished by whoever comes next, and every point at
 * which a process can be killed is recognized from what lies where.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ClusterFacts, cutOverFile, fenceFile, type Home, homeAt, saveFacts } from './cluster-files';
import { ClusterDamaged } from './errors';
import { isThere, readJsonIfThere, removeTree, syncFolder } from './files';
import { instanceData, instanceFolder, instanceLog, readPoints } from './recovery-records';
import { killServer, stopServer } from './server';

/** `cut-over.json`: there from the moment at which there is no way back until the swap is complete. */
export interface CutOverPlan {
  readonly instance: string;
  readonly keepAs: string;
  /** Of the lineage that the new cluster begins. */
  readonly lineage: number;
  readonly at: string;
}

export const readPlan = (dataDir: string): Promise<CutOverPlan | undefined> =>
  readJsonIfThere<CutOverPlan>(cutOverFile(dataDir));

/** Carries a planned swap out, or what is left of it; the caller holds the cluster's lock. */
export async function finishSwap(dataDir: string, facts: ClusterFacts): Promise<ClusterFacts> {
  const plan = await readPlan(dataDir);
  if (plan === undefined) return facts;
  const home = homeAt(facts.home);
  const replacement = instanceData(home, plan.instance);
  const kept = join(home.kept, plan.keepAs);
  if (await isThere(replacement)) {
    await stopServer(replacement, instanceLog(home, plan.instance));
    if (!(await isThere(kept))) await setAside(home, kept);
    await move(replacement, home.pgData);
  } else if (await hasLostReplacement(home, plan)) {
    throw new ClusterDamaged(
      home.folder,
      `a cut-over to ${plan.instance} was begun, but ${replacement} is gone, and what it should replace is fenced`,
      { restorePoints: (await readPoints(home)).map(({ name }) => name) },
    );
  }
  await removeTree(instanceFolder(home, plan.instance));
  const swapped = withNewLineage(facts, plan);
  await saveFacts(dataDir, swapped);
  // The fence was a setting of the cluster that is kept aside now.
  await rm(fenceFile(dataDir), { force: true });
  await rm(cutOverFile(dataDir), { force: true });
  return swapped;
}

/** There is nothing that could take the cluster's place, and nothing that has taken it: another one may. */
export async function hasLostReplacement(home: Home, { instance, keepAs }: CutOverPlan): Promise<boolean> {
  if (await isThere(instanceData(home, instance))) return false;
  return !(await isThere(join(home.kept, keepAs))) || !(await isThere(home.pgData));
}

/** Where nothing is left to keep, an empty folder says that this part is done. */
async function setAside(home: Home, kept: string): Promise<void> {
  await stopServer(home.pgData, home.log);
  // A server whose files were deleted lives on for a while, and the application's port with it.
  await killServer(home.pgData);
  await mkdir(home.kept, { recursive: true });
  if (await isThere(home.pgData)) return move(home.pgData, kept);
  await mkdir(kept);
  await syncFolder(home.kept);
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}

export function withNewLineage(
  facts: ClusterFacts,
  { instance, keepAs, lineage, at }: CutOverPlan,
): ClusterFacts {
  if (facts.lineages.some(({ number }) => number === lineage)) return facts;
  return {
    ...facts,
    lineages: [...facts.lineages, { number: lineage, since: at }],
    cutOvers: [...facts.cutOvers, { instance, keepAs, at }],
  };
}
