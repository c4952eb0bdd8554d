/** What each step may do beyond reading and writing its run's journal: nothing that it does not do. */
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { StepName } from '../lambda/domain/step';

/** `secret`: connects to the database; `tell`: asks or tells people; the others are calls of RDS. */
export type Permission =
  | 'secret'
  | 'tell'
  | 'describe'
  | 'list-snapshots'
  | 'snapshot'
  | 'clone'
  | 'restore'
  | 'discard-clone'
  | 'discard'
  | 'cut-over';

const BEYOND_THE_JOURNAL: Readonly<Partial<Record<StepName, readonly Permission[]>>> = {
  Preflight: ['describe'],
  BeginSnapshot: ['describe', 'snapshot'],
  InspectSnapshot: ['describe', 'snapshot'],
  BeginRehearsal: ['describe', 'clone'],
  InspectRehearsal: ['describe', 'clone'],
  RunRehearsal: ['describe', 'clone', 'discard-clone'],
  AwaitApproval: ['tell'],
  Degrade: ['describe'],
  AwaitDecision: ['tell'],
  BeginRestore: ['describe', 'restore'],
  InspectRestore: ['describe', 'restore'],
  ValidateRestored: ['describe'],
  CutOver: ['describe', 'cut-over'],
  Finish: ['describe', 'discard'],
  Notify: ['tell'],
};

/** Every step composes its ports, and with them the user of the database, from the secret. */
export const permissionsOf = (step: StepName): readonly Permission[] => [
  'secret',
  ...(BEYOND_THE_JOURNAL[step] ?? []),
];

export interface RdsArns {
  readonly serving: string;
  readonly parameterGroup: string;
  readonly subnetGroup: string;
  readonly keyArn: string;
  readonly monitoringRoleArn: string;
  readonly region: string;
  /** ARN of a resource of the type, e.g. `db:godwit-rehearsal-*`. */
  arn(typeAndName: string): string;
}

/** Postgres has no options worth a group of one's own. */
const DEFAULT_OPTION_GROUP = 'og:default:postgres-18';

/** Names that are made at run time, for the reasons beside the statements. */
export const RDS_WILDCARDS = [
  'db:*',
  'db:godwit-rehearsal-*',
  'db:godwit-restored-*',
  'db:godwit-kept-*',
  'snapshot:godwit-*',
] as const;

const allow = (actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] });

/** The statements for what a step asks of RDS. */
export function rdsStatements(step: StepName, arns: RdsArns): readonly PolicyStatement[] {
  return permissionsOf(step).flatMap((permission) => statementsFor(permission, arns));
}

export function statementsFor(permission: Permission, arns: RdsArns): readonly PolicyStatement[] {
  const clones = arns.arn('db:godwit-rehearsal-*');
  const restored = arns.arn('db:godwit-restored-*');
  const kept = arns.arn('db:godwit-kept-*');
  const snapshots = arns.arn('snapshot:godwit-*');
  switch (permission) {
    case 'secret':
    case 'tell':
      return [];
    case 'describe':
      // Asked for by name; that one does not exist must be told as such, not as denied.
      return [allow(['rds:DescribeDBInstances'], [arns.arn('db:*')])];
    case 'list-snapshots':
      // Asked for all of the account: which of them are of this database is told by their tags.
      return [allow(['rds:DescribeDBSnapshots'], [arns.arn('snapshot:*')])];
    case 'snapshot':
      return [
        allow(
          ['rds:DescribeDBSnapshots', 'rds:CreateDBSnapshot', 'rds:AddTagsToResource'],
          [snapshots, arns.serving],
        ),
        throughRds(arns),
      ];
    case 'clone':
      return restoreInto(clones, arns);
    case 'restore':
      return [...restoreInto(restored, arns), allow(['iam:PassRole'], [arns.monitoringRoleArn])];
    case 'discard-clone':
      return [allow(['rds:DeleteDBInstance'], [clones])];
    case 'discard':
      return [allow(['rds:DeleteDBInstance'], [clones, restored])];
    case 'cut-over':
      // A rename is allowed on the old and on the new name. Groups: those that the instances are in.
      return [
        allow(['rds:ModifyDBInstance'], [arns.serving, restored, kept, ...groupsOf(arns)]),
        allow(['rds:StopDBInstance'], [kept]),
      ];
  }
}

const groupsOf = (arns: RdsArns): readonly string[] => [
  arns.parameterGroup,
  arns.subnetGroup,
  arns.arn(DEFAULT_OPTION_GROUP),
];

/** Sources: the serving instance, and the one that a restore point was taken of before a cut-over. */
const restoreInto = (target: string, arns: RdsArns): readonly PolicyStatement[] => {
  const snapshots = arns.arn('snapshot:godwit-*');
  const kept = arns.arn('db:godwit-kept-*');
  return [
    allow(
      ['rds:RestoreDBInstanceFromDBSnapshot', 'rds:RestoreDBInstanceToPointInTime'],
      [target, arns.serving, kept, snapshots, ...groupsOf(arns)],
    ),
    allow(['rds:ModifyDBInstance', 'rds:AddTagsToResource'], [target, ...groupsOf(arns)]),
    // Static parameters may hold only after a reboot.
    allow(['rds:RebootDBInstance'], [target]),
    allow(['rds:DescribeDBSnapshots'], [snapshots, arns.serving]),
    // Since when logs are waited for is kept on the snapshot.
    allow(['rds:AddTagsToResource'], [snapshots]),
    throughRds(arns),
  ];
};

/** RDS makes a grant on the key for every encrypted instance and snapshot, on behalf of the caller. */
function throughRds({ keyArn, region }: RdsArns): PolicyStatement {
  const statement = allow(['kms:CreateGrant', 'kms:DescribeKey'], [keyArn]);
  statement.addCondition('StringEquals', { 'kms:ViaService': `rds.${region}.amazonaws.com` });
  return statement;
}
