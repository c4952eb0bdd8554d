/** What every step of a drill has in common: its context, its record, and how a failure is noted. */
import type { DrillInput, DrillRecord, DrillStepName, DrillTargets } from '../domain/drill';
import { DEFAULT_DRILL_TARGETS, drillIdOf } from '../domain/drill';
import type { InvariantFile } from '../domain/migration';
import type { StepStatus, Verdict } from '../domain/step';
import type { Recovery } from '../ports/recovery';
import type { StepContext } from './context';
import { beginRecord, updateRecord } from './drill-book';

export interface DrillContext
  extends Pick<StepContext, 'store' | 'metrics' | 'clock' | 'notifier' | 'signal'> {
  /** Names the serving database for people, without secrets. */
  readonly database: string;
  readonly recovery: Recovery;
  /** Asked where neither the proof nor the run of a restore point has its own. */
  readonly invariants: readonly InvariantFile[];
  /** Takes one and waits for it, with a proof of what it holds; where there is no such thing, one without is begun. */
  readonly takeRestorePoint?: (name: string) => Promise<void>;
  tell(step: DrillStepName, status: StepStatus, message: string): void;
}

export interface DrillAnswer {
  readonly drillId: string;
  readonly verdict: Verdict;
  /** Of the report: the drill's outcome. */
  readonly route: string;
}

export type DrillStep = (context: DrillContext, input: DrillInput) => Promise<DrillAnswer>;

export interface DrillStepOutcome {
  readonly verdict: Verdict;
  readonly message: string;
  readonly route?: string;
}

export const drillStep =
  (
    name: DrillStepName,
    body: (context: DrillContext, record: DrillRecord, input: DrillInput) => Promise<DrillStepOutcome>,
  ): DrillStep =>
  async (context, input) => {
    const drillId = drillIdOf(input);
    const known = await beginRecord(context.store, newRecord(context, drillId, input.targets));
    const record = input.error ? await noteFailure(context, known, crashOf(input.error)) : known;
    const { verdict, message, route } = await body(context, record, input);
    context.tell(name, verdict, message);
    return { drillId, verdict, route: route ?? verdict };
  };

const newRecord = (
  context: DrillContext,
  drillId: string,
  targets: DrillTargets = DEFAULT_DRILL_TARGETS,
): DrillRecord => ({
  drillId,
  database: context.database,
  targets,
  startedAt: nowOf(context),
  marks: [],
  checks: [],
  tables: [],
  isDiscarded: false,
});

export const nowOf = ({ clock }: Pick<DrillContext, 'clock'>): string => clock.now().toISOString();

export async function fail(
  context: DrillContext,
  record: DrillRecord,
  reason: string,
): Promise<DrillStepOutcome> {
  await noteFailure(context, record, reason);
  return { verdict: 'failed', message: reason };
}

/** The first failure is the reason; what fails after it follows from it. */
const noteFailure = (
  { store }: DrillContext,
  { drillId }: DrillRecord,
  failure: string,
): Promise<DrillRecord> =>
  updateRecord(store, drillId, (now) => (now.failure === undefined ? { ...now, failure } : now));

/** Step Functions' Cause is JSON with `errorMessage` where a Lambda threw, and plain text otherwise. */
function crashOf({ Error: name, Cause: cause = '' }: NonNullable<DrillInput['error']>): string {
  try {
    const parsed = JSON.parse(cause) as { errorMessage?: string } | null;
    return parsed?.errorMessage ?? `${name}: ${cause}`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return cause === '' ? name : `${name}: ${cause}`;
  }
}
