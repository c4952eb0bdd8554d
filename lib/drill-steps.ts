/** How long each step of a drill may run, what it may do beyond the journal, and when it is tried again. */
import type { RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import type { DrillStepName } from '../lambda/domain/drill';
import { AWS_AWAY, DATABASE_AWAY, INSTANCE_BUSY, INTERRUPTED, NEVER_STARTED } from './retry-policies';
import type { Permission } from './step-permissions';

/** Beside the state machine: how long no drill has passed. */
export const WATCH = 'WatchDrills';

/** Seconds after which Lambda ends the function. */
export const DRILL_SECONDS: Readonly<Record<DrillStepName | typeof WATCH, number>> = {
  BeginDrill: 120,
  InspectDrill: 120,
  // Lambda's maximum, in which every row of 5 GB, and a sample of what is larger, has to be read.
  ProveDrill: 900,
  DiscardDrill: 120,
  ReportDrill: 120,
  WatchDrills: 60,
};

export const DRILL_PERMISSIONS: Readonly<Record<DrillStepName | typeof WATCH, readonly Permission[]>> = {
  BeginDrill: ['describe', 'list-snapshots', 'snapshot', 'clone'],
  InspectDrill: ['describe', 'clone'],
  ProveDrill: ['describe'],
  DiscardDrill: ['describe', 'discard-clone'],
  ReportDrill: ['tell'],
  WatchDrills: [],
};

/** Begun, inspected, discarded or told twice does no harm; nor does proving twice, which leaves nothing behind. */
const REPEATABLE = [NEVER_STARTED, INTERRUPTED, AWS_AWAY];

export const DRILL_RETRIES: Readonly<Record<DrillStepName, readonly RetryProps[]>> = {
  BeginDrill: REPEATABLE,
  InspectDrill: REPEATABLE,
  ProveDrill: [...REPEATABLE, DATABASE_AWAY],
  DiscardDrill: [...REPEATABLE, INSTANCE_BUSY],
  ReportDrill: REPEATABLE,
};
