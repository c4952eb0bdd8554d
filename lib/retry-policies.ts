/** When a failed task is tried again, by policies that carry their reasons. */
import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import type { StepName } from '../lambda/domain/step';

/** Lambda refused before any code ran, so every step may be asked again. */
export const NEVER_STARTED: RetryProps = {
  errors: [
    'Lambda.TooManyRequestsException',
    'Lambda.EC2ThrottledException',
    'Lambda.EC2UnexpectedException',
    'Lambda.ENILimitReachedException',
    'Lambda.SubnetIPAddressLimitReachedException',
    'Lambda.ResourceNotReadyException',
    'Lambda.ResourceConflictException',
  ],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxAttempts: 6,
  maxDelay: Duration.seconds(30),
  // Throttled runs of several databases must not come back in step.
  jitterStrategy: JitterType.FULL,
};

/** Lambda failed, or the process died: the code may have run, even to its end. For steps that may run twice. */
export const INTERRUPTED: RetryProps = {
  errors: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.Unknown',
    'Runtime.ExitError',
    'Sandbox.Timedout',
  ],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxAttempts: 2,
};

/** An AWS service was not to be reached after the SDK's own retries; a restore of hours must not end by that. */
export const AWS_AWAY: RetryProps = {
  errors: ['AwsCallFailed'],
  interval: Duration.seconds(10),
  backoffRate: 2,
  maxAttempts: 4,
};

/** Between the two renames the application has no database: whatever AWS answers, the swap is tried on for over an hour. */
export const SWAP_GOES_ON: RetryProps = {
  errors: ['AwsCallFailed', 'AwsAccessDenied', 'AwsRequestRefused', 'States.Timeout'],
  interval: Duration.seconds(15),
  backoffRate: 2,
  maxDelay: Duration.minutes(5),
  maxAttempts: 20,
};

/** RDS deletes no instance that it is still creating. */
export const INSTANCE_BUSY: RetryProps = {
  errors: ['InstanceBusy'],
  interval: Duration.minutes(2),
  backoffRate: 1,
  maxAttempts: 30,
};

/** A Multi-AZ failover takes one to two minutes: five attempts span two and a half. */
export const DATABASE_AWAY: RetryProps = {
  errors: ['ConnectionLost', 'DatabaseUnreachable'],
  interval: Duration.seconds(5),
  backoffRate: 2,
  maxAttempts: 5,
};

/** First contact: an unreachable database is told at once, not after a failover's patience. */
const FIRST_CONTACT = [NEVER_STARTED, INTERRUPTED];
/** Reads the database, changes nothing. */
const READS = [NEVER_STARTED, INTERRUPTED, DATABASE_AWAY];
/** Idempotent by its port's contract: begun, inspected or told twice does no harm. */
const REPEATABLE = [NEVER_STARTED, INTERRUPTED, AWS_AWAY];
/**
 * Executes a migration's SQL. A second invocation might run beside a first that Lambda only seemed to lose, and whether
 * the last statement took effect is for Assess to find out, not for a retry.
 */
const EXECUTES = [NEVER_STARTED];

export const RETRIES: Readonly<Record<StepName, readonly RetryProps[]>> = {
  Preflight: FIRST_CONTACT,
  BeginSnapshot: REPEATABLE,
  InspectSnapshot: REPEATABLE,
  BeginRehearsal: REPEATABLE,
  InspectRehearsal: REPEATABLE,
  RunRehearsal: EXECUTES,
  CheckApproval: REPEATABLE,
  AwaitApproval: REPEATABLE,
  Baseline: READS,
  Migrate: EXECUTES,
  Validate: READS,
  Assess: READS,
  RollBack: EXECUTES,
  ValidateRolledBack: READS,
  Degrade: [...REPEATABLE, DATABASE_AWAY],
  AwaitDecision: REPEATABLE,
  BeginRestore: REPEATABLE,
  InspectRestore: REPEATABLE,
  CutOver: [SWAP_GOES_ON, NEVER_STARTED, INTERRUPTED, DATABASE_AWAY],
  ValidateRestored: READS,
  Finish: [...REPEATABLE, DATABASE_AWAY],
  Report: REPEATABLE,
  Notify: REPEATABLE,
};
