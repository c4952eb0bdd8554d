/** The workflow's phases as people see them: which are announced before they happen, and which only when they fail. */
import type { Phase } from '../../lambda/domain/run';
import type { FinalVerdict, PhaseView, View } from './view';

export const USUAL_PHASES: readonly Phase[] = [
  'Preflight',
  'Snapshot',
  'Rehearse',
  'Approve',
  'Baseline',
  'Migrate',
  'Validate',
];

/** Bookkeeping that is worth a permanent line only when it fails. */
const QUIET_PHASES: ReadonlySet<Phase> = new Set<Phase>(['Finish', 'Report', 'Notify']);

export const isQuiet = (phase: Phase): boolean => QUIET_PHASES.has(phase);

export const isWorthKeeping = (phase: PhaseView): boolean =>
  !isQuiet(phase.phase) || (phase.verdict !== undefined && phase.verdict !== 'passed');

export const VERDICT_WORDS: Readonly<Record<FinalVerdict, string>> = {
  passed: 'passed',
  blocked: 'blocked',
  failed: 'failed',
  indeterminate: 'could not tell',
};

/** Empty once the workflow has left its usual way: what comes then depends on what is found. */
export function upcomingPhases(view: View, expected: readonly Phase[]): readonly Phase[] {
  const positions = view.seen.map((phase) => expected.indexOf(phase));
  return positions.includes(-1) ? [] : expected.slice(Math.max(-1, ...positions) + 1);
}
