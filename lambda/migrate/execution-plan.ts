/** Foretells from a rehearsal how long each indivisible piece of work takes, and so whether a step has the time for it. */
import { BUSY_FACTOR } from '../domain/estimate';
import type { StatementTiming } from '../domain/run';
import { backfillOf } from '../sql/backfill';
import { planOf } from '../sql/facts';
import type { ParsedScript } from '../sql/parse';
import type { FileRun } from './file-run';
import type { ExecutorRequest, FileOutcome } from './outcome';

/** A step enters, connects and waits for locks before it comes to a unit. */
const USABLE_SHARE = 0.9;

export interface PlannedFile {
  readonly name: string;
  readonly script: ParsedScript;
}

/** What is either done as a whole or not at all within one entry of a step. */
export interface WorkUnit {
  readonly migration: string;
  /** From 1; all of an atomic file. */
  readonly statements: readonly number[];
  /** Of the longest statement, where a person would look. */
  readonly line: number;
  /** In ms; undefined for what was never rehearsed. */
  readonly estimateMs: number | undefined;
  /** A backfill stops between batches and goes on from its cursor. */
  readonly isDivisible: boolean;
  /** Nothing is known that speaks against it. */
  readonly fitsStep: boolean;
}

export function planExecution(
  files: readonly PlannedFile[],
  timings: readonly StatementTiming[],
  limits: { readonly stepTimeMs: number },
): readonly WorkUnit[] {
  const estimateOf = estimatesFrom(timings);
  return files.flatMap(({ name, script }) => {
    const statements = script.statements.map((statement, index) => ({
      number: index + 1,
      line: statement.line,
      estimateMs: estimateOf(name, index + 1),
      isDivisible: backfillOf(statement) !== undefined,
    }));
    const units = planOf(script).mode === 'atomic' ? [statements] : statements.map((one) => [one]);
    return units.map((unit): WorkUnit => {
      const estimateMs = sumOf(unit.map((one) => one.estimateMs));
      const isDivisible = unit.every((one) => one.isDivisible);
      const longest = unit.reduce((a, b) => ((b.estimateMs ?? 0) > (a.estimateMs ?? 0) ? b : a));
      return {
        migration: name,
        statements: unit.map(({ number }) => number),
        line: longest.line,
        estimateMs,
        isDivisible,
        fitsStep: isDivisible || estimateMs === undefined || estimateMs <= usableMs(limits.stepTimeMs),
      };
    });
  });
}

/** For {@link ExecutorRequest.estimates}. */
export function estimatesFrom(
  timings: readonly StatementTiming[],
): (migration: string, statement: number) => number | undefined {
  const estimates = new Map(
    timings.map(({ migration, statement, durationMs }) => [
      JSON.stringify([migration, statement]),
      Math.max(0, durationMs) * BUSY_FACTOR,
    ]),
  );
  return (migration, statement) => estimates.get(JSON.stringify([migration, statement]));
}

export type Fit =
  | { readonly fits: 'now' }
  /** Not in what is left, but when the step is entered again. */
  | { readonly fits: 'later' }
  | { readonly fits: 'never'; readonly estimateMs: number };

/** To be asked before a unit is begun; without a deadline everything fits. */
export function fitsBeforeDeadline(
  request: Pick<ExecutorRequest, 'clock' | 'deadline' | 'estimates' | 'stepTimeMs'>,
  unit: Pick<WorkUnit, 'migration' | 'statements'>,
): Fit {
  const { clock, deadline, stepTimeMs } = request;
  const estimateMs = sumOf(
    unit.statements.map((statement) => request.estimates?.(unit.migration, statement)),
  );
  if (deadline === undefined || estimateMs === undefined) return { fits: 'now' };
  if (stepTimeMs !== undefined && estimateMs > usableMs(stepTimeMs)) return { fits: 'never', estimateMs };
  return { fits: estimateMs <= deadline.getTime() - clock.now().getTime() ? 'now' : 'later' };
}

/** How a file ends whose next unit cannot be begun in the time that is left. */
export function tooLate(
  { request, migration }: Pick<FileRun, 'request' | 'migration'>,
  statements: readonly number[],
): FileOutcome | undefined {
  const fit = fitsBeforeDeadline(request, { migration: migration.name, statements });
  switch (fit.fits) {
    case 'now':
      return undefined;
    case 'later':
      return { outcome: 'waiting' };
    case 'never':
      return {
        outcome: 'needs-long-runner',
        statement: statements[0] ?? 1,
        estimateMs: Math.round(fit.estimateMs),
      };
  }
}

const usableMs = (stepTimeMs: number): number => stepTimeMs * USABLE_SHARE;

/** Of a file that was rehearsed in part, what is known: the least that it takes. */
function sumOf(estimates: readonly (number | undefined)[]): number | undefined {
  const known = estimates.filter((estimate) => estimate !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, estimate) => sum + estimate, 0);
}
