/** What the events so far amount to; pure: an event and a time in, a new view out. */
import { PHASE_OF, type Phase } from '../../lambda/domain/run';
import type {
  ProgressEvent,
  StatementProgress,
  StepName,
  StepProgress,
  Verdict,
} from '../../lambda/domain/step';

export type Unit = NonNullable<StepProgress['unit']>;
export type FinalVerdict = Exclude<Verdict, 'waiting'>;

export interface Gauge {
  readonly done: number;
  readonly total: number;
  readonly unit: Unit;
}

export interface MigrationView {
  readonly name: string;
  readonly statements: number;
  readonly of: number;
  readonly durationMs: number;
  readonly retries: number;
  readonly failure: { readonly line: number; readonly reason: string } | undefined;
}

/** How far one statement is; a total of 0 is not known. */
export interface StatementGauge {
  readonly done: number;
  readonly total: number;
  readonly unit: NonNullable<StatementProgress['unit']>;
  readonly rowsPerSecond: number | undefined;
  readonly remainingMs: number | undefined;
}

export interface StatementView {
  readonly migration: string;
  readonly statement: number;
  readonly of: number;
  readonly line: number;
  readonly sql: string;
  readonly startedAt: number;
  readonly retries: number;
  /** Why it stepped back last. */
  readonly message: string | undefined;
  /** What is worth knowing now: what it waits for, or why it is slow. */
  readonly note: string | undefined;
  readonly gauge: StatementGauge | undefined;
}

export interface PhaseView {
  readonly phase: Phase;
  readonly startedAt: number;
  /** Set by the first final verdict; a phase of several steps may go on after it. */
  readonly endedAt: number | undefined;
  readonly verdict: FinalVerdict | undefined;
  readonly waiting: boolean;
  readonly message: string | undefined;
  readonly gauges: readonly Gauge[];
  readonly migrations: readonly MigrationView[];
  readonly statement: StatementView | undefined;
}

export interface ApplicationView {
  readonly worstMs: number;
  readonly requestsPerSecond: number;
  readonly errors: number;
}

export interface View {
  readonly current: PhaseView | undefined;
  readonly seen: readonly Phase[];
  readonly application: ApplicationView | undefined;
}

export const EMPTY_VIEW: View = { current: undefined, seen: [], application: undefined };

/** Where a phase has several steps, only the last one's success ends it. */
const NOT_THE_LAST_STEP: ReadonlySet<StepName> = new Set<StepName>([
  'BeginSnapshot',
  'BeginRehearsal',
  'InspectRehearsal',
  'CheckApproval',
  'BeginRestore',
]);

export interface Advance {
  readonly view: View;
  /** Phases that this event ended, oldest first. */
  readonly finished: readonly PhaseView[];
}

export function advance(view: View, event: ProgressEvent, now: number): Advance {
  const phase = PHASE_OF[event.step];
  const goesOn = view.current?.phase === phase;
  const left = view.current !== undefined && !goesOn ? [endPhase(view.current, now)] : [];
  const before = goesOn && view.current ? view.current : newPhase(phase, now);
  const current = event.type === 'step' ? withStep(before, event, now) : withStatement(before, event, now);
  const seen = seenAfter(view, phase);
  if (event.type === 'step' && ends(event)) {
    return { view: { ...view, seen, current: undefined }, finished: [...left, endPhase(current, now)] };
  }
  return { view: { ...view, seen, current }, finished: left };
}

/** A command may take several runs through the workflow, one after the other: each begins with Preflight. */
function seenAfter({ seen, current }: View, phase: Phase): readonly Phase[] {
  if (phase === 'Preflight' && current?.phase !== phase) return [phase];
  return seen.includes(phase) ? seen : [...seen, phase];
}

/** The phase as it stays in the log; without a verdict it was left before it had one. */
export const endPhase = (phase: PhaseView, now: number): PhaseView => ({
  ...phase,
  endedAt: phase.endedAt ?? now,
  statement: undefined,
  waiting: false,
});

export const isFinal = (status: StepProgress['status']): status is FinalVerdict =>
  status !== 'entered' && status !== 'progress' && status !== 'waiting';

const ends = (event: StepProgress): boolean =>
  isFinal(event.status) && !(event.status === 'passed' && NOT_THE_LAST_STEP.has(event.step));

const newPhase = (phase: Phase, now: number): PhaseView => ({
  phase,
  startedAt: now,
  endedAt: undefined,
  verdict: undefined,
  waiting: false,
  message: undefined,
  gauges: [],
  migrations: [],
  statement: undefined,
});

function withStep(phase: PhaseView, event: StepProgress, now: number): PhaseView {
  const final = isFinal(event.status) ? event.status : undefined;
  return {
    ...phase,
    endedAt: final ? now : undefined,
    verdict: final,
    waiting: event.status === 'waiting',
    message: event.message ?? (event.status === 'entered' ? undefined : phase.message),
    gauges: event.status === 'entered' ? [] : withGauge(phase.gauges, event),
  };
}

/** The newest gauge is last. */
function withGauge(gauges: readonly Gauge[], event: StepProgress): readonly Gauge[] {
  const { done, total, unit } = event;
  if (done === undefined || total === undefined || unit === undefined) {
    // Work of another kind has begun: what was measured before is over, but for the place in the whole.
    return event.message === undefined ? gauges : gauges.filter((gauge) => gauge.unit === 'migrations');
  }
  return [...gauges.filter((gauge) => gauge.unit !== unit), { done, total, unit }];
}

const RUNNING: ReadonlySet<StatementProgress['status']> = new Set([
  'waiting',
  'started',
  'progress',
  'retrying',
]);

function withStatement(phase: PhaseView, event: StatementProgress, now: number): PhaseView {
  const running = RUNNING.has(event.status);
  return {
    ...phase,
    endedAt: undefined,
    verdict: undefined,
    waiting: false,
    // Rows belong to the statement that walks them.
    gauges:
      running && event.status !== 'started'
        ? phase.gauges
        : phase.gauges.filter((gauge) => gauge.unit !== 'rows'),
    migrations: withMigration(phase.migrations, event),
    statement: running ? statementView(phase.statement, event, now) : undefined,
  };
}

function statementView(
  before: StatementView | undefined,
  event: StatementProgress,
  now: number,
): StatementView {
  const { migration, statement, of, line, sql, status, message } = event;
  const same = before?.migration === migration && before.statement === statement ? before : undefined;
  const goesOn = status === 'started' ? undefined : same;
  const retried = status === 'retrying';
  return {
    migration,
    statement,
    of,
    line,
    sql,
    startedAt: same?.startedAt ?? now,
    retries: (goesOn?.retries ?? 0) + (retried ? 1 : 0),
    message: retried ? message : goesOn?.message,
    note: status === 'progress' || status === 'waiting' ? message : undefined,
    gauge: gaugeOf(event) ?? goesOn?.gauge,
  };
}

function gaugeOf(event: StatementProgress): StatementGauge | undefined {
  const { status, done, total = 0, unit, rowsPerSecond, remainingMs } = event;
  if (status !== 'progress' || done === undefined || unit === undefined) return undefined;
  return { done, total, unit, rowsPerSecond, remainingMs };
}

function withMigration(
  migrations: readonly MigrationView[],
  event: StatementProgress,
): readonly MigrationView[] {
  const known = migrations.find((migration) => migration.name === event.migration);
  const before: MigrationView = known ?? {
    name: event.migration,
    statements: 0,
    of: event.of,
    durationMs: 0,
    retries: 0,
    failure: undefined,
  };
  const done = event.status === 'finished' || event.status === 'skipped';
  const after: MigrationView = {
    ...before,
    of: event.of,
    statements: done ? Math.max(before.statements, event.statement) : before.statements,
    durationMs: before.durationMs + (RUNNING.has(event.status) ? 0 : (event.durationMs ?? 0)),
    retries: before.retries + (event.status === 'retrying' ? 1 : 0),
    failure:
      event.status === 'failed' ? { line: event.line, reason: event.message ?? 'failed' } : before.failure,
  };
  return known ? migrations.map((one) => (one === known ? after : one)) : [...migrations, after];
}
