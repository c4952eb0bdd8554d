/** The report's words, the same in Markdown and in HTML. */
import type { Finding, Severity } from '../domain/finding';
import type { ChecklistItem, InvariantOutcome, RunStatus } from '../domain/run';
import type { ReportData, ReportMigration, ReportPhase } from './data';
import { countText, durationText, pluralText } from './words';

/** How a word is coloured; the word itself says the same. */
export type Tone = 'good' | 'bad' | 'caution' | 'calm';

interface Word {
  readonly text: string;
  readonly tone: Tone;
}

const word = (tone: Tone, text: string): Word => ({ text, tone });

export const STATUS_WORDS: Readonly<Record<RunStatus, Word & { readonly meaning: string }>> = {
  succeeded: {
    ...word('good', 'Succeeded'),
    meaning: 'The migrations are applied and every validation held.',
  },
  'nothing-to-do': { ...word('good', 'Nothing to do'), meaning: 'No migration was pending.' },
  blocked: { ...word('caution', 'Blocked'), meaning: 'The run was refused before anything was changed.' },
  'rolled-back': {
    ...word('caution', 'Rolled back'),
    meaning: 'It failed; what it had done was undone. The database is as it was.',
  },
  restored: {
    ...word('caution', 'Restored'),
    meaning:
      'It failed; the database was restored. What the application wrote after the restore point is only on the old instance.',
  },
  held: { ...word('bad', 'Held'), meaning: 'Writes are fenced. A person must decide how to go on.' },
  failed: { ...word('bad', 'Failed'), meaning: 'It could not be established what state the database is in.' },
  aborted: { ...word('caution', 'Aborted'), meaning: 'A person stopped the run.' },
};

export const PHASE_WORDS: Readonly<Record<ReportPhase['verdict'], Word>> = {
  passed: word('good', 'passed'),
  blocked: word('caution', 'blocked'),
  failed: word('bad', 'failed'),
  indeterminate: word('bad', 'could not tell'),
  skipped: word('calm', 'skipped'),
  running: word('calm', 'running'),
};

export const CHECKLIST_WORDS: Readonly<Record<ChecklistItem['verdict'], Word>> = {
  done: word('good', 'done'),
  planned: word('calm', 'planned'),
  missing: word('bad', 'missing'),
  'not-needed': word('calm', 'not needed'),
};

export const SEVERITY_WORDS: Readonly<Record<Severity, Word>> = {
  error: word('bad', 'error'),
  warning: word('caution', 'warning'),
  info: word('calm', 'info'),
};

export const INVARIANT_WORDS: Readonly<Record<InvariantOutcome['verdict'], Word>> = {
  held: word('good', 'held'),
  broken: word('bad', 'broken'),
  indeterminate: word('bad', 'could not tell'),
};

export const EFFECT_WORDS: Readonly<Record<ReportMigration['effect'], Word>> = {
  applied: word('good', 'applied'),
  partial: word('bad', 'partly applied'),
  'rolled-back': word('caution', 'rolled back'),
  'not-applied': word('calm', 'not applied'),
};

export const RUNG_WORDS: Readonly<Record<ReportData['rollbackPlan'][number]['rung'], string>> = {
  'nothing-to-undo': 'Nothing to undo',
  'down-script': 'Down script',
  restore: 'Restore',
  hold: 'Hold',
};

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

/** The worst first, otherwise as found. */
export const bySeverity = (findings: readonly Finding[]): readonly Finding[] =>
  SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity));

/** The figures that a reader looks for first. */
export function keyFigures(data: ReportData): { label: string; value: string; note: string; tone: Tone }[] {
  const { application, invariants } = data;
  const held = invariants.filter((invariant) => invariant.verdict === 'held').length;
  const applied = data.migrations.filter((migration) => migration.effect === 'applied').length;
  return [
    {
      label: 'Migrations applied',
      value: `${applied} of ${data.migrations.length}`,
      note: pluralText(sum(data.migrations.map((migration) => migration.statements.length)), 'statement'),
      tone: 'calm',
    },
    ...(data.worstBlockingMs === undefined
      ? []
      : [
          {
            label: 'Longest block',
            value: durationText(data.worstBlockingMs),
            note: `allowed: ${durationText(data.maxBlockingMs)}`,
            tone: toneOfLimit(data.worstBlockingMs, data.maxBlockingMs),
          },
        ]),
    ...(application === undefined
      ? []
      : [
          {
            label: "Application's longest wait",
            value: durationText(application.worstMs),
            note: `${countText(application.requests)} requests, ${pluralText(application.errors, 'error')}`,
            tone:
              application.errors > 0
                ? ('bad' as const)
                : toneOfLimit(application.worstMs, data.maxBlockingMs),
          },
        ]),
    ...(invariants.length === 0
      ? []
      : [
          {
            label: 'Invariants held',
            value: `${held} of ${invariants.length}`,
            note: 'same readings before and after',
            tone: held === invariants.length ? ('good' as const) : ('bad' as const),
          },
        ]),
  ];
}

export const durationOf = (data: ReportData): number | undefined =>
  data.finishedAt === undefined ? undefined : Date.parse(data.finishedAt) - Date.parse(data.startedAt);

export const attemptsText = (attempts: number | undefined): string =>
  attempts === undefined ? '–' : countText(attempts);

export const timeText = (ms: number | undefined): string => (ms === undefined ? '–' : durationText(ms));

const toneOfLimit = (value: number, limit: number): Tone => (value <= limit ? 'good' : 'caution');
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
