/** Judges how a run ended, purely from its journal. */
import type { Checkpoint, JournalEntry, Phase, PhaseRecords, RunOutcome, RunStatus } from './run';
import type { StepName } from './step';

export interface JournalView {
  readonly entries: readonly JournalEntry[];
  checkpoint(phase: Phase): Checkpoint | undefined;
  record<P extends Phase>(phase: P): PhaseRecords[P] | undefined;
}

type Judgement = { readonly status: RunStatus; readonly reason: string };

export function outcomeOf(journal: JournalView, facts: { readonly aborted: boolean }): RunOutcome {
  const judgement = judge(journal, facts.aborted);
  const applied = appliedIn(journal);
  const undone = judgement.status === 'succeeded' ? [] : rolledBack(journal);
  return {
    ...judgement,
    applied: applied.filter((name) => !undone.includes(name)),
    rolledBack: undone,
  };
}

function judge(journal: JournalView, aborted: boolean): Judgement {
  const preflight = journal.checkpoint('Preflight');
  if (preflight?.verdict === 'passed' && preflight.route === 'nothing-to-do') {
    return { status: 'nothing-to-do', reason: preflight.message };
  }
  const approve = journal.checkpoint('Approve');
  if (approve?.route === 'rehearsed') return { status: 'succeeded', reason: approve.message };
  const validate = journal.checkpoint('Validate');
  if (validate?.verdict === 'passed' && !turnedBack(journal))
    return { status: 'succeeded', reason: validate.message };
  if (!begunToMigrate(journal)) return beforeMigrating(journal, aborted);
  return afterFailure(journal);
}

const BEFORE_MIGRATE = ['Preflight', 'Snapshot', 'Rehearse', 'Approve', 'Baseline'] as const;

/** Nothing was changed: refused, aborted, or one of the steps could not do its work. */
function beforeMigrating(journal: JournalView, aborted: boolean): Judgement {
  const refused = BEFORE_MIGRATE.map((phase) => journal.checkpoint(phase)).find(
    (checkpoint) => checkpoint !== undefined && checkpoint.verdict !== 'passed',
  );
  if (aborted || refused?.route === 'aborted') {
    return { status: 'aborted', reason: 'stopped by a person; nothing was changed' };
  }
  if (refused) return { status: 'blocked', reason: `${refused.phase}: ${refused.message}` };
  const crash = lastCrash(journal);
  const unfinished = lastStep(journal);
  if (crash?.error === 'States.Timeout' && unfinished === 'AwaitApproval') {
    return { status: 'blocked', reason: 'nobody approved in time; nothing was changed' };
  }
  const reason = crash ? wordsOf(crash) : 'it did not finish';
  return { status: 'blocked', reason: `${unfinished ?? 'the first step'}: ${reason}; nothing was changed` };
}

function afterFailure(journal: JournalView): Judgement {
  const cause = causeOf(journal);
  if (journal.checkpoint('CutOver')?.verdict === 'passed') {
    const restorePoint = journal.record('Snapshot')?.restorePoint ?? 'the restore point';
    return { status: 'restored', reason: `${cause}; restored to ${restorePoint}${lostBefore(journal)}` };
  }
  if (journal.checkpoint('ValidateRolledBack')?.verdict === 'passed') {
    return journal.record('Migrate')?.aborted
      ? { status: 'aborted', reason: 'stopped by a person; the database is as it was' }
      : { status: 'rolled-back', reason: cause };
  }
  const cutOver = journal.checkpoint('CutOver');
  if (cutOver !== undefined) {
    return {
      status: 'held',
      reason: `${cause}; ${journal.record('Degrade')?.fenceProblem ?? 'writes are fenced'}; the cut-over to the restored instance stopped half-way (${cutOver.message}), and the application may be without a database: docs/recovery.md, "Cut-over by hand"`,
    };
  }
  const degraded = journal.record('Degrade');
  if (degraded) {
    const { fenceProblem = 'writes are fenced' } = degraded;
    return {
      status: 'held',
      reason: `${cause}${unprovenRestore(journal)}; ${fenceProblem}; return to the restore point with "godwit restore", or mend the data by hand`,
    };
  }
  return { status: 'failed', reason: `${cause}; it could not be established what state the database is in` };
}

function lostBefore(journal: JournalView): string {
  const lost = journal.record('Restore')?.lost;
  return lost === undefined ? '' : `, and without what was committed between ${lost.from} and ${lost.to}`;
}

/** It never took the place of the other. */
function unprovenRestore(journal: JournalView): string {
  const validation = journal.checkpoint('ValidateRestored');
  if (validation === undefined || validation.verdict === 'passed') return '';
  return `; the restored instance did not prove right and was not put in place: ${validation.message}`;
}

function causeOf(journal: JournalView): string {
  const failed = (['Migrate', 'Validate'] as const)
    .map((phase) => journal.checkpoint(phase))
    .find((checkpoint) => checkpoint !== undefined && checkpoint.verdict !== 'passed');
  if (failed) return `${failed.phase}: ${failed.message}`;
  const crash = lastCrash(journal);
  return crash ? wordsOf(crash) : 'the migration did not finish';
}

type Crash = Extract<JournalEntry, { type: 'crashed' }>;

const wordsOf = ({ error, cause }: Crash): string => (cause === '' ? error : `${error}: ${cause}`);

const begunToMigrate = (journal: JournalView): boolean =>
  journal.entries.some((entry) => entry.type === 'entered' && entry.step === 'Migrate');

const lastCrash = (journal: JournalView): Crash | undefined =>
  journal.entries.findLast((entry): entry is Crash => entry.type === 'crashed');

type Entered = Extract<JournalEntry, { type: 'entered' }>;

/** Finish is where the judging happens. */
const lastStep = (journal: JournalView): StepName | undefined =>
  journal.entries.findLast((entry): entry is Entered => entry.type === 'entered' && entry.step !== 'Finish')
    ?.step;

/** A step whose answer got lost writes down that it passed, and is followed by the way back all the same. */
function turnedBack(journal: JournalView): boolean {
  const entries = journal.entries;
  const migrated = entries.findLastIndex((entry) => entry.type === 'checkpoint' && entry.phase === 'Migrate');
  const isWayBack = (entry: JournalEntry): boolean =>
    entry.type === 'entered' && (entry.step === 'Assess' || entry.step === 'Degrade');
  return entries.slice(migrated + 1).some(isWayBack);
}

/** A migration that crashed left no record, but what it told of its statements. */
const appliedIn = (journal: JournalView): readonly string[] =>
  journal.record('Migrate')?.applied ?? [
    ...new Set(journal.entries.flatMap((entry) => (entry.type === 'statements' ? entry.applied : []))),
  ];

function rolledBack(journal: JournalView): readonly string[] {
  const byScript = journal.record('RollBack')?.rolledBack ?? [];
  const byRestore = journal.checkpoint('CutOver')?.verdict === 'passed' ? appliedIn(journal) : [];
  return [...new Set([...byScript, ...byRestore])];
}
