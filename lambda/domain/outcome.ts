/** Judges how a run ended, purely from its journal. */
import type { Checkpoint, JournalEntry, Phase, PhaseRecords, RunOutcome, RunStatus } from './run';

export interface JournalView {
  readonly entries: readonly JournalEntry[];
  checkpoint(phase: Phase): Checkpoint | undefined;
  record<P extends Phase>(phase: P): PhaseRecords[P] | undefined;
}

type Judgement = { readonly status: RunStatus; readonly reason: string };

export function outcomeOf(journal: JournalView, facts: { readonly aborted: boolean }): RunOutcome {
  const judgement = judge(journal, facts.aborted);
  const applied = journal.record('Migrate')?.applied ?? [];
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
  if (validate?.verdict === 'passed') return { status: 'succeeded', reason: validate.message };
  if (!begunToMigrate(journal)) return beforeMigrating(journal, aborted);
  return afterFailure(journal, aborted);
}

const BEFORE_MIGRATE = ['Preflight', 'Snapshot', 'Rehearse', 'Approve', 'Baseline'] as const;

/** Nothing was changed: refused, aborted, or one of the steps could not do its work. */
function beforeMigrating(journal: JournalView, aborted: boolean): Judgement {
  if (aborted) return { status: 'aborted', reason: 'stopped by a person; nothing was changed' };
  const refused = BEFORE_MIGRATE.map((phase) => journal.checkpoint(phase)).find(
    (checkpoint) => checkpoint !== undefined && checkpoint.verdict !== 'passed',
  );
  if (refused) return { status: 'blocked', reason: `${refused.phase}: ${refused.message}` };
  const crash = lastCrash(journal);
  if (crash?.error === 'States.Timeout') {
    return { status: 'blocked', reason: 'nobody approved in time; nothing was changed' };
  }
  return { status: 'blocked', reason: `${crash ? `${crash.error}: ${crash.cause}` : 'a step did not finish'}; nothing was changed` };
}

function afterFailure(journal: JournalView, aborted: boolean): Judgement {
  const cause = causeOf(journal);
  const restored = journal.checkpoint('ValidateRestored');
  if (journal.checkpoint('CutOver')?.verdict === 'passed' && restored?.verdict === 'passed') {
    return { status: 'restored', reason: `${cause}; restored to ${journal.record('Snapshot')?.restorePoint ?? 'the restore point'}` };
  }
  if (journal.checkpoint('ValidateRolledBack')?.verdict === 'passed') {
    return aborted && journal.record('Migrate')?.aborted
      ? { status: 'aborted', reason: 'stopped by a person; the database is as it was' }
      : { status: 'rolled-back', reason: cause };
  }
  if (journal.record('Degrade')) {
    return { status: 'held', reason: `${cause}; writes are fenced, decide with "godwit decide" or restore with "godwit restore"` };
  }
  return { status: 'failed', reason: `${cause}; it could not be established what state the database is in` };
}

function causeOf(journal: JournalView): string {
  const failed = (['Migrate', 'Validate'] as const)
    .map((phase) => journal.checkpoint(phase))
    .find((checkpoint) => checkpoint !== undefined && checkpoint.verdict !== 'passed');
  if (failed) return `${failed.phase}: ${failed.message}`;
  const crash = lastCrash(journal);
  return crash ? `${crash.error}: ${crash.cause}` : 'the migration did not finish';
}

const begunToMigrate = (journal: JournalView): boolean =>
  journal.entries.some((entry) => entry.type === 'entered' && entry.step === 'Migrate');

const lastCrash = (journal: JournalView): Extract<JournalEntry, { type: 'crashed' }> | undefined =>
  journal.entries.findLast((entry): entry is Extract<JournalEntry, { type: 'crashed' }> => entry.type === 'crashed');

function rolledBack(journal: JournalView): readonly string[] {
  const byScript = journal.record('RollBack')?.rolledBack ?? [];
  const byRestore = journal.checkpoint('CutOver')?.verdict === 'passed' ? (journal.record('Migrate')?.applied ?? []) : [];
  return [...new Set([...byScript, ...byRestore])];
}
