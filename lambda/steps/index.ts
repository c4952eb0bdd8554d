/** Every step of the workflow by the name of its state. */
import type { StepName } from '../domain/step';
import { awaitApproval, checkApproval } from './approve';
import { assess } from './assess';
import { baseline } from './baseline';
import type { Step } from './context';
import { awaitDecision, degrade } from './degrade';
import { finish } from './finish';
import { migrateStep } from './migrate';
import { notify } from './notify';
import { preflight } from './preflight';
import { beginRehearsal, inspectRehearsal, runRehearsal } from './rehearse';
import { report } from './report';
import { beginRestore, cutOver, inspectRestore } from './restore';
import { rollBack } from './roll-back';
import { beginSnapshot, inspectSnapshot } from './snapshot';
import { validate, validateRestored, validateRolledBack } from './validate';

export const steps: Readonly<Record<StepName, Step>> = {
  Preflight: preflight,
  BeginSnapshot: beginSnapshot,
  InspectSnapshot: inspectSnapshot,
  BeginRehearsal: beginRehearsal,
  InspectRehearsal: inspectRehearsal,
  RunRehearsal: runRehearsal,
  CheckApproval: checkApproval,
  AwaitApproval: awaitApproval,
  Baseline: baseline,
  Migrate: migrateStep,
  Validate: validate,
  Assess: assess,
  RollBack: rollBack,
  ValidateRolledBack: validateRolledBack,
  Degrade: degrade,
  AwaitDecision: awaitDecision,
  BeginRestore: beginRestore,
  InspectRestore: inspectRestore,
  CutOver: cutOver,
  ValidateRestored: validateRestored,
  Finish: finish,
  Report: report,
  Notify: notify,
};
