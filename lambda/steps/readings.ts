/** Readings of a run's invariants, kept beside its journal: too large for a checkpoint. */
import type { CatalogPicture } from '../checks/catalog';
import { pictureCatalog } from '../checks/catalog';
import { takeReadings } from '../checks/readings';
import { readSequences, type SequencePositions } from '../checks/sequences';
import { type ComparisonOptions, compare, parseInvariant, type Readings } from '../domain/invariant';
import type { InvariantOutcome } from '../domain/run';
import type { Database } from '../ports/database';
import { withSession } from '../ports/database';
import type { RunContext } from './context';

/** All that is compared before and after. */
export interface StateOfDatabase {
  readonly asOf: string;
  readonly readings: Readings;
  readonly catalog: CatalogPicture;
  /** Absent in what was read by a version that did not look. */
  readonly sequences?: SequencePositions;
}

const beforeKey = (runId: string): string => `runs/${runId}/readings/before.json`;

export async function readState(run: RunContext, database: Database, asOf: string): Promise<StateOfDatabase> {
  const invariants = run.request.project.invariants.map(parseInvariant);
  const readings = await takeReadings({
    database,
    invariants,
    asOf,
    onReading: (invariant, done) =>
      run.tell(invariant.name, { done, total: invariants.length, unit: 'invariants' }),
  });
  const [catalog, sequences] = await withSession(
    database,
    { applicationName: 'godwit catalog', readOnly: true, statementTimeoutMs: 30_000 },
    async (session) => [await pictureCatalog(session), await readSequences(session)] as const,
  );
  return { asOf, readings, catalog, sequences };
}

export function compareInvariants(
  run: RunContext,
  before: Readings,
  after: Readings,
  options: ComparisonOptions = {},
): readonly InvariantOutcome[] {
  return run.request.project.invariants
    .map(parseInvariant)
    .map((invariant) => compare(invariant, before[invariant.file], after[invariant.file], options));
}

/** The first reading of a run stands: a step entered again after a crash must not measure a changed database. */
export async function keepBefore(run: RunContext, state: StateOfDatabase): Promise<void> {
  await run.store.putIfAbsent(beforeKey(run.runId), JSON.stringify(state));
}

export async function readBefore(run: RunContext): Promise<StateOfDatabase | undefined> {
  const stored = await run.store.get(beforeKey(run.runId));
  return stored ? (JSON.parse(stored.body) as StateOfDatabase) : undefined;
}

export const brokenOnes = (outcomes: readonly InvariantOutcome[]): readonly InvariantOutcome[] =>
  outcomes.filter((outcome) => outcome.verdict === 'broken' && outcome.severity === 'error');
export const unclearOnes = (outcomes: readonly InvariantOutcome[]): readonly InvariantOutcome[] =>
  outcomes.filter((outcome) => outcome.verdict === 'indeterminate' && outcome.severity === 'error');
