/** Whether a run still offers the return to its restore point: then it must not be forgotten. */
import { GodwitError } from '../domain/errors';
import { Journal, listRuns, readRequest } from '../journal/journal';
import type { ObjectStore } from '../ports/object-store';
import { restorePointOf } from './snapshot';

/**
 * That of a run which has not ended, or has ended held, until a later run on the same database succeeded: then somebody
 * has put it in order. Where it cannot be told, it is.
 */
export async function isStillOffered(store: ObjectStore, restorePoint: string): Promise<boolean> {
  const runs = await listRuns(store);
  const runId = runs.find((id) => restorePointOf(id) === restorePoint);
  if (runId === undefined) return false;
  try {
    const journal = await Journal.open(store, runId);
    const isOver = journal.checkpoint('Notify') !== undefined && journal.outcome?.status !== 'held';
    return !isOver && !(await hasSuccessor(store, runId, runs.slice(0, runs.indexOf(runId))));
  } catch (error) {
    if (error instanceof GodwitError || error instanceof SyntaxError) return true;
    throw error;
  }
}

async function hasSuccessor(store: ObjectStore, runId: string, later: readonly string[]): Promise<boolean> {
  const { database } = await readRequest(store, runId);
  for (const id of later) {
    if ((await readRequest(store, id)).database !== database) continue;
    const { outcome } = await Journal.open(store, id);
    if (outcome?.status === 'succeeded' && outcome.applied.length > 0) return true;
  }
  return false;
}
