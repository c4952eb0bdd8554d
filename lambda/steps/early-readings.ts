/**
 * The readings before the migration, as of the restore point: what is restored from there knows nothing of what came
 * between it and them, and rows that no column tells the time of are compared up to a moment which both have behind them.
 */
import { takeReadings } from '../checks/readings';
import { parseInvariant } from '../domain/invariant';
import type { RunContext } from './context';
import type { StateOfDatabase } from './readings';

const keyOf = (runId: string): string => `runs/${runId}/readings/before-as-of-restore-point.json`;
/** Of an invariant that does not name it, one reading is as good as another. */
const AS_OF = 'godwit.as_of';

/** While the database still is as it was read before. */
export async function keepEarly(run: RunContext, before: StateOfDatabase): Promise<void> {
  const asOf = snapshotBegan(run);
  if (!run.recovery || asOf === undefined || (await run.store.get(keyOf(run.runId)))) return;
  const invariants = run.request.project.invariants
    .filter(({ sql }) => sql.includes(AS_OF))
    .map(parseInvariant);
  const readings = await takeReadings({ database: run.database, invariants, asOf });
  const early: StateOfDatabase = { ...before, asOf, readings: { ...before.readings, ...readings } };
  await run.store.putIfAbsent(keyOf(run.runId), JSON.stringify(early));
}

export async function readEarly(run: RunContext): Promise<StateOfDatabase | undefined> {
  const stored = await run.store.get(keyOf(run.runId));
  return stored ? (JSON.parse(stored.body) as StateOfDatabase) : undefined;
}

/** Where the logs do not lead to the restore point, RDS restores the snapshot itself, which was begun no earlier. */
const snapshotBegan = ({ journal }: RunContext): string | undefined =>
  journal.entries.find((entry) => entry.type === 'entered' && entry.step === 'BeginSnapshot')?.at;
