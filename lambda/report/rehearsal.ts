/** What the rehearsal foretold and saw, as rows of tables: the same in Markdown and in HTML. */
import { type Estimate, lockWaitText, type Range } from '../domain/estimate';
import type { PlanChange } from '../domain/rehearsal';
import type { ReportData, ReportMigration, ReportStatement } from './data';
import type { Tone } from './wording';
import { bytesText, countText, durationText } from './words';

export interface Foretold {
  readonly what: string;
  readonly likely: string;
  readonly range: string;
  /** In production; empty where it was not measured. */
  readonly measured: string;
}

export const foretoldRows = ({ estimate, migratedMs, watch }: ReportData): readonly Foretold[] =>
  estimate === undefined
    ? []
    : [
        {
          what: 'Duration',
          ...rangeTexts(estimate.duration),
          measured: migratedMs === undefined ? '' : durationText(migratedMs),
        },
        { what: 'Longest lock that blocks', ...rangeTexts(estimate.blocking), measured: '' },
        ...diskRows(estimate, Math.max(0, ...(watch?.series ?? []).map(({ walBytes = 0 }) => walBytes))),
      ];

const rangeTexts = ({ lowMs, likelyMs, highMs }: Range): Pick<Foretold, 'likely' | 'range'> => ({
  likely: durationText(likelyMs),
  range: `${durationText(lowMs)} to ${durationText(highMs)}`,
});

const diskRows = ({ disk }: Estimate, writtenBytes: number): readonly Foretold[] => [
  {
    what: 'WAL',
    likely: bytesText(disk.walBytes),
    range: '',
    measured: writtenBytes === 0 ? '' : bytesText(writtenBytes),
  },
  {
    what: 'Disk at the peak, beside WAL',
    likely: bytesText(disk.peakBytes + (disk.temporaryBytes ?? 0)),
    range: '',
    measured: '',
  },
  {
    what: disk.grownBytes < 0 ? 'Disk that is given back' : 'Disk that stays taken',
    likely: bytesText(Math.abs(disk.grownBytes)),
    range: '',
    measured: '',
  },
];

export function basisOf({ estimate }: ReportData): readonly string[] {
  if (estimate === undefined) return [];
  const waiting = lockWaitText(estimate);
  return waiting === undefined ? estimate.basis : [...estimate.basis, `On top of it ${waiting}.`];
}

export const PLAN_WORDS: Readonly<
  Record<PlanChange['verdict'], { readonly text: string; readonly tone: Tone }>
> = {
  same: { text: 'as before', tone: 'good' },
  better: { text: 'better', tone: 'good' },
  worse: { text: 'worse', tone: 'bad' },
  'worse-until-analyze': { text: 'worse until ANALYZE', tone: 'caution' },
  fails: { text: 'fails', tone: 'bad' },
  unclear: { text: 'could not tell', tone: 'caution' },
};

export const costText = (cost: number | undefined): string => (cost === undefined ? '–' : countText(cost));

export interface SeenStatement {
  readonly migration: string;
  readonly line: number;
  readonly locks: readonly string[];
  readonly wal: string;
  readonly grown: string;
}

/** Those that locked anything that was there before, or wrote more than their own row of a catalog. */
export const seenRows = ({ migrations }: ReportData): readonly SeenStatement[] =>
  migrations.flatMap((migration) =>
    migration.statements.filter(isWorthShowing).map((statement) => seenRow(migration, statement)),
  );

const FEW_BYTES = 1_000_000;

const isWorthShowing = ({ locks = [], cost }: ReportStatement): boolean =>
  locks.length > 0 || (cost?.walBytes ?? 0) > FEW_BYTES;

const seenRow = ({ name }: ReportMigration, { line, locks = [], cost }: ReportStatement): SeenStatement => ({
  migration: name,
  line,
  locks: locks.map(({ relation, mode, heldMs }) => `${relation}: ${mode} for ${durationText(heldMs)}`),
  wal: cost === undefined ? '–' : bytesText(cost.walBytes),
  grown: cost === undefined ? '–' : bytesText(Math.max(0, cost.grownBytes)),
});
