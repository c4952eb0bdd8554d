/** A drill: a restore that is rehearsed before it is needed, what it measured and proved, and whether that is enough. */
import { createHash } from 'node:crypto';
import { UsageError } from './errors';

/** States of the drill's workflow that run code, named as in `lib/drill-workflow.ts`. */
export const DRILL_STEP_NAMES = [
  'BeginDrill',
  'InspectDrill',
  'ProveDrill',
  'DiscardDrill',
  'ReportDrill',
] as const;

export type DrillStepName = (typeof DRILL_STEP_NAMES)[number];

/** WeDefiDaily's: at most five minutes of writes lost, serving again after fifteen. */
export const DEFAULT_DRILL_TARGETS: DrillTargets = { rpoMs: 5 * 60_000, rtoMs: 15 * 60_000 };

export interface DrillTargets {
  readonly rpoMs: number;
  readonly rtoMs: number;
}

/** What every state passes to its step: the ids of the drill, or what they are made from. */
export interface DrillInput {
  readonly drillId?: string;
  /** Of the schedule's event, where no id was given. ISO 8601. */
  readonly at?: string;
  readonly event?: string;
  /** Default: the latest. */
  readonly restorePoint?: string;
  readonly targets?: DrillTargets;
  /** Present where a Catch led here. */
  readonly error?: { readonly Error: string; readonly Cause?: string };
}

/**
 * In order. `copy` and `replay` are told apart where the home tells them apart; `restore` is all of it elsewhere.
 * `prove` belongs to the recovery time: nobody puts an instance to work that nobody has looked at.
 */
export type DrillPhase = 'begin' | 'copy' | 'replay' | 'restore' | 'open' | 'prove';

export interface DrillMark {
  readonly phase: DrillPhase | 'proven';
  /** ISO 8601: when it began. */
  readonly at: string;
}

export interface DrillCheck {
  readonly name: string;
  /** `indeterminate`: could not be told, and so never counts as held; `not-made`: beyond what this drill looks at. */
  readonly verdict: 'held' | 'broken' | 'indeterminate' | 'not-made';
  /** What was looked at, in a sentence. */
  readonly evidence: string;
  /** What is wrong, object by object. */
  readonly details: readonly string[];
}

/** The check without which nothing is proven: where it was not made, however large the database, that is a doubt. */
export const ROWS_AS_RECORDED = 'Rows as recorded';

export interface DrilledTable {
  readonly name: string;
  /** Read, i.e. of a sample those that it hit. */
  readonly rows: number;
  /** Share of the table that was read, where it was too large to be read whole. */
  readonly sampled?: number;
}

/**
 * What the recovered rows were compared with: what the serving database held, or what a run's rehearsal had recovered of it.
 * What merely another drill had recovered is no record of its own: both would lack the same.
 */
export type ProofSource = 'serving' | 'instance' | 'drill' | 'none';

export interface DrillRecord {
  readonly drillId: string;
  /** Without secrets. */
  readonly database: string;
  readonly targets: DrillTargets;
  /** Times are ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly restorePoint?: {
    readonly name: string;
    readonly at: string;
    /** There was none before the drill. */
    readonly takenByDrill: boolean;
  };
  readonly rpo?: { readonly measuredAt: string; readonly restorableUntil: string };
  readonly marks: readonly DrillMark[];
  /** Commits that should have been recovered and were not. */
  readonly lost?: { readonly from: string; readonly to: string };
  readonly comparedWith?: ProofSource;
  readonly checks: readonly DrillCheck[];
  readonly tables: readonly DrilledTable[];
  /** Why it ended before everything was proven. */
  readonly failure?: string;
  readonly aborted?: boolean;
  readonly isDiscarded: boolean;
  readonly verdict?: DrillVerdict;
}

/** `passed`: proven, and within the targets; `too-slow`: proven, but not within them. */
export type DrillOutcome = 'passed' | 'too-slow' | 'not-proven' | 'failed' | 'aborted';

export interface DrillVerdict {
  readonly outcome: DrillOutcome;
  /**
   * Whether every recovered row was proven to be what somebody else than a drill had recorded of the restore point; says
   * nothing of the targets.
   */
  readonly verified: boolean;
  readonly rpoMs?: number;
  readonly rtoMs?: number;
  /** For people, sentences: why it is not better. */
  readonly reasons: readonly string[];
}

export function judge(record: DrillRecord): DrillVerdict {
  const rpoMs = rpoOf(record);
  const rtoMs = rtoOf(record);
  const measured = { ...(rpoMs === undefined ? {} : { rpoMs }), ...(rtoMs === undefined ? {} : { rtoMs }) };
  if (record.aborted) {
    return { outcome: 'aborted', verified: false, ...measured, reasons: ['a person stopped it'] };
  }
  if (record.failure !== undefined) {
    return { outcome: 'failed', verified: false, ...measured, reasons: [record.failure] };
  }
  const doubts = doubtsOf(record);
  if (rtoMs === undefined || doubts.length > 0) {
    const reasons = doubts.length > 0 ? doubts : ['the proof was never finished'];
    return { outcome: 'not-proven', verified: false, ...measured, reasons };
  }
  const missed = missedTargets(record.targets, measured);
  return { outcome: missed.length > 0 ? 'too-slow' : 'passed', verified: true, ...measured, reasons: missed };
}

function doubtsOf({ checks, comparedWith, lost, restorePoint }: DrillRecord): readonly string[] {
  return [
    ...checks
      .filter(({ verdict }) => verdict === 'broken' || verdict === 'indeterminate')
      .map(({ name, verdict, evidence, details }) => {
        const word = verdict === 'broken' ? 'broken' : 'could not be told';
        return `${name}: ${word}: ${details[0] ?? evidence}${details.length > 1 ? `, and ${details.length - 1} more` : ''}`;
      }),
    ...(comparedWith === 'none' ? [] : checks)
      .filter(({ name, verdict }) => name === ROWS_AS_RECORDED && verdict === 'not-made')
      .map(({ name, evidence }) => `${name}: not looked at: ${evidence}`),
    ...(lost === undefined ? [] : [`commits between ${lost.from} and ${lost.to} were not recovered`]),
    ...(comparedWith === 'none'
      ? [
          `nobody had recorded what restore point ${restorePoint?.name} holds, so nothing could be compared with it`,
        ]
      : []),
    ...(comparedWith === 'drill'
      ? [
          `what restore point ${restorePoint?.name} holds is known from an earlier drill alone: the recovery is repeatable, not proven`,
        ]
      : []),
  ];
}

function missedTargets(
  targets: DrillTargets,
  { rpoMs, rtoMs }: { rpoMs?: number; rtoMs?: number },
): string[] {
  const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
  return [
    ...(rpoMs === undefined ? ['nothing is restorable, so everything would be lost'] : []),
    ...(rpoMs !== undefined && rpoMs > targets.rpoMs
      ? [`${seconds(rpoMs)} of writes would be lost, more than the target of ${seconds(targets.rpoMs)}`]
      : []),
    ...(rtoMs !== undefined && rtoMs > targets.rtoMs
      ? [`recovery took ${seconds(rtoMs)}, more than the target of ${seconds(targets.rtoMs)}`]
      : []),
  ];
}

/** How old the newest commit was that could have been recovered when the drill began. */
const rpoOf = ({ rpo }: DrillRecord): number | undefined =>
  rpo && Math.max(0, Date.parse(rpo.measuredAt) - Date.parse(rpo.restorableUntil));

/** From the request for an instance until it was proven. */
function rtoOf({ marks }: DrillRecord): number | undefined {
  const began = marks[0];
  const proven = marks.find(({ phase }) => phase === 'proven');
  return began && proven && Date.parse(proven.at) - Date.parse(began.at);
}

export const phasesOf = (
  marks: readonly DrillMark[],
): readonly { readonly phase: DrillPhase; readonly durationMs: number }[] =>
  marks.flatMap(({ phase, at }, index) => {
    const next = marks[index + 1];
    return phase === 'proven' || next === undefined
      ? []
      : [{ phase, durationMs: Date.parse(next.at) - Date.parse(at) }];
  });

/** A phase that goes on is marked once. */
export const withMark = (record: DrillRecord, phase: DrillMark['phase'], at: string): DrillRecord =>
  record.marks.at(-1)?.phase === phase ? record : { ...record, marks: [...record.marks, { phase, at }] };

/** It becomes part of an object's key and of an instance's identifier, of which RDS allows 63 characters. */
const DRILL_ID = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const LONGEST_ID = 40;

/** The same for every attempt at one event of the schedule. */
export function drillIdOf({ drillId, at, event }: DrillInput): string {
  if (drillId !== undefined) {
    if (!DRILL_ID.test(drillId) || drillId.length > LONGEST_ID) {
      throw new UsageError(
        `A drill cannot be called "${drillId}": at most ${LONGEST_ID} lower-case letters, digits and single hyphens.`,
      );
    }
    return drillId;
  }
  if (at === undefined || event === undefined || Number.isNaN(Date.parse(at))) {
    throw new UsageError('A drill is begun with {"drillId": "…"}, or by its schedule.');
  }
  return newDrillId(new Date(at), createHash('sha256').update(event).digest('hex'));
}

export const newDrillId = (at: Date, entropy: string): string =>
  `drill-${at.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)}-${entropy.slice(0, 4)}`;

/** Named like a rehearsal's: instances of that name may be discarded, and no others. */
export const drillInstanceOf = (drillId: string): string => `rehearsal-${drillId}`;
