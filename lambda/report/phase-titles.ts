/** What the phases are called when people read of them. */
import type { Phase } from '../domain/run';

export const PHASE_TITLES: Readonly<Record<Phase, string>> = {
  Preflight: 'Preflight',
  Snapshot: 'Snapshot',
  Rehearse: 'Rehearse',
  Approve: 'Approve',
  Baseline: 'Baseline',
  Migrate: 'Migrate',
  Validate: 'Validate',
  Assess: 'Assess',
  RollBack: 'Roll back',
  ValidateRolledBack: 'Validate again',
  Degrade: 'Fence writes',
  Decide: 'Decide',
  Restore: 'Restore',
  ValidateRestored: 'Validate again',
  CutOver: 'Cut over',
  Finish: 'Finish',
  Report: 'Report',
  Notify: 'Notify',
};
