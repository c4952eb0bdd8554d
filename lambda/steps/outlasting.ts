/** Finds in a rehearsal what would outlast a step on the real database, where the home ends a step that is overdue. */
import { inWords } from '../domain/estimate';
import type { Finding } from '../domain/finding';
import type { Migration } from '../domain/migration';
import type { StatementTiming } from '../domain/run';
import { planExecution, type WorkUnit } from '../migrate/execution-plan';
import type { StatementEvent } from '../migrate/executor';
import { parseScript } from '../sql/parse';
import type { StepContext } from './context';

export type StepLimits = Pick<StepContext, 'stepTimeMs' | 'endsOverdueSteps'>;

export async function outlastingFindings(
  limits: StepLimits,
  migrations: readonly Migration[],
  timings: readonly StatementTiming[],
): Promise<readonly Finding[]> {
  if (!limits.endsOverdueSteps) return [];
  const files = await Promise.all(
    migrations.map(async ({ name, sql }) => ({ name, script: await parseScript(sql) })),
  );
  return planExecution(files, timings, limits)
    .filter((unit) => !unit.fitsStep)
    .map((unit) => outlastingFinding(unit, limits));
}

function outlastingFinding(unit: WorkUnit, { stepTimeMs }: StepLimits): Finding {
  const { migration, statements, line, estimateMs = 0 } = unit;
  const [first = 1] = statements;
  const what = statements.length === 1 ? `statement ${first}` : 'its transaction';
  return {
    id: 'statement-outlasts-step',
    severity: 'error',
    migration,
    statement: first,
    line,
    subject: `migrations/${migration}/migration.sql`,
    effect: `${what} is estimated at ${inWords(estimateMs)} (twice what the clone took), and a step ends after ${inWords(stepTimeMs)}`,
    remedy: WAY_OUT,
  };
}

/** The rehearsal was stopped because its own step was running out of time, with `last` the latest that it told. */
export function cutOffFinding(
  limits: StepLimits,
  migration: Migration,
  last: { readonly event: StatementEvent; readonly ranMs: number } | undefined,
): Finding {
  const subject = `migrations/${migration.name}/migration.sql`;
  const time = inWords(limits.stepTimeMs);
  // Twice as long on the real database, it would fill a step by itself.
  if (last !== undefined && last.ranMs * 2 >= limits.stepTimeMs) {
    const { statement, line } = last.event;
    return {
      id: 'statement-outlasts-step',
      severity: 'error',
      migration: migration.name,
      statement,
      line,
      subject,
      effect: `statement ${statement} was stopped on the clone after ${inWords(last.ranMs)}: a step ends after ${time}`,
      remedy: WAY_OUT,
    };
  }
  return {
    id: 'rehearsal-outlasts-step',
    severity: 'error',
    migration: migration.name,
    subject,
    effect: `the rehearsal of all pending migrations takes longer than the ${time} that a step has; it was stopped at this one`,
    remedy: 'Run fewer migrations at once: --until <migration>.',
  };
}

const WAY_OUT =
  'Part it: mark an UPDATE or DELETE with `-- godwit:backfill`, fill a new table in several files, index partitions one by one. ' +
  'Or run it from a machine that may take its time: "godwit run --database-url".';
