/** The entries of the functions: one a step, named as in the workflow, without logic of their own. */
import { handlerFor } from './compose';
import { drillHandlerFor, watchDrills } from './drill';

export const Preflight = handlerFor('Preflight');
export const BeginSnapshot = handlerFor('BeginSnapshot');
export const InspectSnapshot = handlerFor('InspectSnapshot');
export const BeginRehearsal = handlerFor('BeginRehearsal');
export const InspectRehearsal = handlerFor('InspectRehearsal');
export const RunRehearsal = handlerFor('RunRehearsal');
export const CheckApproval = handlerFor('CheckApproval');
export const AwaitApproval = handlerFor('AwaitApproval');
export const Baseline = handlerFor('Baseline');
export const Migrate = handlerFor('Migrate');
export const Validate = handlerFor('Validate');
export const Assess = handlerFor('Assess');
export const RollBack = handlerFor('RollBack');
export const ValidateRolledBack = handlerFor('ValidateRolledBack');
export const Degrade = handlerFor('Degrade');
export const AwaitDecision = handlerFor('AwaitDecision');
export const BeginRestore = handlerFor('BeginRestore');
export const InspectRestore = handlerFor('InspectRestore');
export const CutOver = handlerFor('CutOver');
export const ValidateRestored = handlerFor('ValidateRestored');
export const Finish = handlerFor('Finish');
export const Report = handlerFor('Report');
export const Notify = handlerFor('Notify');

export const BeginDrill = drillHandlerFor('BeginDrill');
export const InspectDrill = drillHandlerFor('InspectDrill');
export const ProveDrill = drillHandlerFor('ProveDrill');
export const DiscardDrill = drillHandlerFor('DiscardDrill');
export const ReportDrill = drillHandlerFor('ReportDrill');
export const WatchDrills = watchDrills;
