/** Collects a run's report from its journal. */
import type { Finding } from '../domain/finding';
import { outcomeOf } from '../domain/outcome';
import type { JournalEntry, Phase, PhaseRecords, RunRequest, StatementTiming } from '../domain/run';
import { PHASE_OF } from '../domain/run';
import { joinWatches, type WatchRecord } from '../domain/watch';
import type { Journal } from '../journal/journal';
import type { ReportApplication, ReportData, ReportMigration, ReportPhase, ReportStatement } from './data';
import { PHASE_TITLES } from './phase-titles';

export interface ReportSources {
  readonly request: RunRequest;
  readonly journal: Journal;
  readonly application?: ReportApplication | undefined;
}

export function collectReport({ request, journal, application }: ReportSources): ReportData {
  const outcome = journal.outcome ?? outcomeOf(journal, { aborted: false });
  const snapshot = journal.record('Snapshot');
  const migrate = journal.record('Migrate');
  const { estimate, plans } = journal.record('Rehearse') ?? {};
  const watch = watchOf(journal);
  const { window } = journal.record('Degrade') ?? {};
  const lastAt = journal.entries.at(-1)?.at;
  return {
    runId: request.runId,
    status: outcome.status,
    reason: outcome.reason,
    database: request.database,
    requestedBy: request.requestedBy,
    startedAt: request.requestedAt,
    ...(lastAt === undefined ? {} : { finishedAt: lastAt }),
    phases: phasesOf(journal),
    checklist: (journal.record('Approve') ?? journal.record('Preflight'))?.checklist ?? [],
    findings: findingsOf(journal),
    migrations: migrationsOf(request, journal, outcome),
    invariants: lastValidation(journal)?.invariants ?? [],
    ...(migrate === undefined ? {} : { worstBlockingMs: migrate.worstBlockingMs }),
    maxBlockingMs: request.policy.maxBlockingMs,
    ...(estimate === undefined ? {} : { estimate }),
    ...(plans === undefined ? {} : { plans }),
    ...(migrate === undefined ? {} : { migratedMs: migrate.durationMs }),
    ...(watch === undefined ? {} : { watch }),
    ...(application === undefined ? {} : { application }),
    ...(snapshot === undefined
      ? {}
      : {
          restorePoint: {
            name: snapshot.restorePoint,
            at: snapshot.at,
            ...(snapshot.lsn === undefined ? {} : { lsn: snapshot.lsn }),
          },
        }),
    rollbackPlan: journal.record('Assess')?.plan ?? [],
    ...(window === undefined ? {} : { dataLoss: window }),
    timeline: journal.entries.map((entry) => ({ at: entry.at, event: eventOf(entry) })),
    next: nextSteps(request, outcome.status),
  };
}

/** Each entry into Migrate has a watch of its own, and journals of old have none. */
function watchOf(journal: Journal): WatchRecord | undefined {
  const parts = journal.entries.flatMap((entry) =>
    entry.type === 'statements' && entry.watch !== undefined
      ? [{ startMs: Date.parse(entry.startedAt), watch: entry.watch }]
      : [],
  );
  return parts.length === 0 ? undefined : joinWatches(parts);
}

/** Findings of every step that looked, each said once. */
export function findingsOf(journal: Journal): readonly Finding[] {
  const all = [
    ...(journal.record('Preflight')?.findings ?? []),
    ...(journal.record('Rehearse')?.findings ?? []),
    ...(journal.record('Validate')?.findings ?? []),
    ...(lastValidation(journal)?.findings ?? []),
  ];
  const seen = new Set<string>();
  return all.filter((finding) => {
    const identity = JSON.stringify(finding);
    return seen.has(identity) ? false : seen.add(identity);
  });
}

const lastValidation = (journal: Journal): PhaseRecords['Validate'] | undefined =>
  journal.record('ValidateRestored') ?? journal.record('ValidateRolledBack') ?? journal.record('Validate');

function phasesOf(journal: Journal): readonly ReportPhase[] {
  const phases: ReportPhase[] = [];
  for (const phase of new Set(Object.values(PHASE_OF))) {
    if (phase === 'Report' || phase === 'Notify') continue;
    const began = journal.entries.find((entry) => entry.type === 'entered' && PHASE_OF[entry.step] === phase);
    if (!began) continue;
    const checkpoint = journal.checkpoint(phase);
    phases.push({
      name: PHASE_TITLES[phase],
      verdict: checkpoint?.verdict ?? (isOver(journal, phase) ? 'failed' : 'running'),
      ...(checkpoint === undefined
        ? {}
        : { durationMs: Date.parse(checkpoint.at) - Date.parse(began.at), message: checkpoint.message }),
    });
  }
  return phases;
}

/** A phase without checkpoint is over where a later one was entered: it crashed. */
function isOver(journal: Journal, phase: Phase): boolean {
  const entered = journal.entries.filter((entry) => entry.type === 'entered');
  const last = entered.at(-1);
  return last !== undefined && PHASE_OF[last.step] !== phase;
}

function migrationsOf(
  request: RunRequest,
  journal: Journal,
  outcome: { applied: readonly string[]; rolledBack: readonly string[] },
): readonly ReportMigration[] {
  const pending = journal.record('Preflight')?.pending ?? [];
  const rehearsed = journal.record('Rehearse')?.statements ?? [];
  const migrate = journal.record('Migrate');
  return pending.map((name) => ({
    name,
    effect: outcome.applied.includes(name)
      ? 'applied'
      : outcome.rolledBack.includes(name)
        ? 'rolled-back'
        : migrate?.failure?.migration === name && !migrate.failure.atomic
          ? 'partial'
          : 'not-applied',
    hasDownScript: request.project.migrations.some(
      (migration) => migration.name === name && migration.downSql !== undefined,
    ),
    statements: sideBySide(
      rehearsed.filter((timing) => timing.migration === name),
      (migrate?.statements ?? []).filter((timing) => timing.migration === name),
    ),
  }));
}

function sideBySide(
  rehearsed: readonly StatementTiming[],
  production: readonly StatementTiming[],
): readonly ReportStatement[] {
  const numbers = [...new Set([...rehearsed, ...production].map((timing) => timing.statement))].sort(
    (a, b) => a - b,
  );
  return numbers.flatMap((number) => {
    const onClone = rehearsed.find((timing) => timing.statement === number);
    const real = production.find((timing) => timing.statement === number);
    const either = real ?? onClone;
    if (!either) return [];
    return {
      line: either.line,
      sql: either.sql,
      ...(onClone === undefined ? {} : { rehearsedMs: onClone.durationMs }),
      ...(real === undefined ? {} : { durationMs: real.durationMs, attempts: real.attempts }),
      ...(onClone?.rewrites === undefined ? {} : { rewrites: onClone.rewrites }),
      ...(onClone?.locks === undefined ? {} : { locks: onClone.locks }),
      ...(onClone?.cost === undefined ? {} : { cost: onClone.cost }),
    };
  });
}

function eventOf(entry: JournalEntry): string {
  switch (entry.type) {
    case 'entered':
      return `${entry.step} began`;
    case 'checkpoint':
      return `${entry.step} ${entry.verdict}: ${entry.message}`;
    case 'crashed':
      return `a step crashed: ${entry.error} ${entry.cause}`;
    case 'statements':
      return `${entry.statements.length} statements run, ${entry.applied.length} migrations applied`;
    case 'note':
      return entry.message;
  }
}

function nextSteps(request: RunRequest, status: ReportData['status']): readonly string[] {
  switch (status) {
    case 'succeeded':
    case 'nothing-to-do':
      return [];
    case 'blocked':
      return ['Follow the remedies of the findings, then run again: nothing was changed.'];
    case 'rolled-back':
    case 'restored':
      return [
        'Correct the migration in a new version of its file, and rehearse it: "godwit rehearse".',
        ...(status === 'restored'
          ? ['Look at the kept old instance for what was written after the restore point.']
          : []),
      ];
    case 'held':
      return [
        'Writes are fenced. Look at the findings and invariants above.',
        `Restore: "godwit restore --to before-${request.runId}", or correct the data by hand, then unfence with ALTER DATABASE … RESET default_transaction_read_only.`,
      ];
    case 'aborted':
      return ['Run again when you are ready: the run starts anew.'];
    case 'failed':
      return ['Look at the timeline and at the database: what took effect could not be established.'];
  }
}
