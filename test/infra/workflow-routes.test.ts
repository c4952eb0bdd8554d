import { type Script, walk } from '../support/aws-workflow-runner';

const SNAPSHOT = ['BeginSnapshot', 'WaitForSnapshot', 'InspectSnapshot'];
const REHEARSAL = ['BeginRehearsal', 'WaitForRehearsal', 'InspectRehearsal', 'RunRehearsal'];
const TO_MIGRATE = ['Preflight', ...SNAPSHOT, ...REHEARSAL, 'CheckApproval', 'Baseline', 'Migrate'];
const RESTORE = ['BeginRestore', 'WaitForRestore', 'InspectRestore', 'ValidateRestored', 'CutOver'];
const END = ['Finish', 'Report', 'Notify'];
const begun: Script = { BeginSnapshot: 'waiting', BeginRehearsal: 'waiting', BeginRestore: 'waiting' };

interface Scenario {
  readonly name: string;
  readonly script: Script;
  readonly input?: Record<string, unknown>;
  readonly path: readonly string[];
  readonly error?: string;
}

const scenarios: readonly Scenario[] = [
  { name: 'everything passes', script: begun, path: [...TO_MIGRATE, 'Validate', ...END, 'Succeeded'] },
  {
    name: 'there is nothing to do',
    script: { Preflight: 'passed/nothing-to-do', Finish: 'passed/nothing-to-do' },
    path: ['Preflight', ...END, 'Succeeded'],
  },
  ...(['blocked', 'failed', 'indeterminate'] as const).map((verdict) => ({
    name: `preflight answers ${verdict}`,
    script: { Preflight: verdict, Finish: 'passed/blocked' } as const,
    path: ['Preflight', ...END, 'Blocked'],
    error: 'Godwit.Blocked',
  })),
  {
    name: 'restore point and clone exist at once and the rehearsal is left out',
    script: {},
    input: { rehearse: false },
    path: [
      'Preflight',
      'BeginSnapshot',
      'CheckApproval',
      'Baseline',
      'Migrate',
      'Validate',
      ...END,
      'Succeeded',
    ],
  },
  {
    name: 'the input does not say whether to rehearse, so it does',
    script: {},
    input: { rehearse: undefined },
    path: [
      ...['Preflight', 'BeginSnapshot', 'BeginRehearsal', 'RunRehearsal', 'CheckApproval'],
      ...['Baseline', 'Migrate', 'Validate', ...END, 'Succeeded'],
    ],
  },
  {
    name: 'snapshot and clone take their time',
    script: {
      ...begun,
      InspectSnapshot: ['waiting', 'passed'],
      InspectRehearsal: ['waiting', 'waiting', 'passed'],
    },
    path: [
      ...['Preflight', ...SNAPSHOT, 'WaitForSnapshot', 'InspectSnapshot', 'BeginRehearsal'],
      ...['WaitForRehearsal', 'InspectRehearsal', 'WaitForRehearsal', 'InspectRehearsal'],
      ...['WaitForRehearsal', 'InspectRehearsal', 'RunRehearsal', 'CheckApproval', 'Baseline', 'Migrate'],
      ...['Validate', ...END, 'Succeeded'],
    ],
  },
  {
    name: 'the restore point fails',
    script: { ...begun, InspectSnapshot: 'failed', Finish: 'passed/failed' },
    path: ['Preflight', ...SNAPSHOT, ...END, 'Failed'],
    error: 'Godwit.Failed',
  },
  {
    name: 'the rehearsal finds something',
    script: { ...begun, RunRehearsal: ['waiting', 'blocked'], Finish: 'passed/blocked' },
    path: ['Preflight', ...SNAPSHOT, ...REHEARSAL, 'WaitForRehearsalRun', 'RunRehearsal', ...END, 'Blocked'],
    error: 'Godwit.Blocked',
  },
  {
    name: 'a person approves',
    script: { ...begun, CheckApproval: 'waiting' },
    path: [...TO_MIGRATE.toSpliced(-2, 0, 'AwaitApproval'), 'Validate', ...END, 'Succeeded'],
  },
  {
    name: 'a person refuses',
    script: { ...begun, CheckApproval: 'waiting', AwaitApproval: 'blocked', Finish: 'passed/blocked' },
    path: [...TO_MIGRATE.slice(0, -2), 'AwaitApproval', ...END, 'Blocked'],
    error: 'Godwit.Blocked',
  },
  {
    name: 'nobody answers the approval in time',
    script: {
      ...begun,
      CheckApproval: 'waiting',
      AwaitApproval: 'crash:States.Timeout',
      Finish: 'passed/blocked',
    },
    path: [...TO_MIGRATE.slice(0, -2), 'AwaitApproval', ...END, 'Blocked'],
    error: 'Godwit.Blocked',
  },
  {
    name: 'policy refuses',
    script: { ...begun, CheckApproval: 'blocked', Finish: 'passed/blocked' },
    path: [...TO_MIGRATE.slice(0, -2), ...END, 'Blocked'],
    error: 'Godwit.Blocked',
  },
  {
    name: 'a reading cannot be taken before migrating',
    script: { ...begun, Baseline: 'indeterminate', Finish: 'passed/failed' },
    path: [...TO_MIGRATE.slice(0, -1), ...END, 'Failed'],
    error: 'Godwit.Failed',
  },
  {
    name: 'the migration hands over twice',
    script: { ...begun, Migrate: ['waiting', 'waiting', 'passed'] },
    path: [
      ...[...TO_MIGRATE, 'WaitForMigration', 'Migrate', 'WaitForMigration', 'Migrate'],
      ...['Validate', ...END, 'Succeeded'],
    ],
  },
  {
    name: 'the migration fails and nothing remained of it',
    script: { ...begun, Migrate: 'failed', Assess: 'passed/nothing-to-undo', Finish: 'passed/rolled-back' },
    path: [...TO_MIGRATE, 'Assess', 'ValidateRolledBack', ...END, 'RolledBack'],
    error: 'Godwit.RolledBack',
  },
  {
    name: 'a person aborts the migration and its down script undoes it',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/down-script',
      RollBack: ['waiting', 'passed'],
      Finish: 'passed/aborted',
    },
    path: [
      ...TO_MIGRATE,
      'Assess',
      'RollBack',
      'WaitForRollBack',
      'RollBack',
      'ValidateRolledBack',
      ...END,
      'Aborted',
    ],
    error: 'Godwit.Aborted',
  },
  {
    name: 'an invariant is broken and restoring is granted',
    script: {
      ...begun,
      Validate: 'failed',
      Assess: 'passed/restore',
      Degrade: 'passed/restore',
      InspectRestore: ['waiting', 'passed'],
      CutOver: ['waiting', 'passed'],
      Finish: 'passed/restored',
    },
    path: [
      ...[...TO_MIGRATE, 'Validate', 'Assess', 'Degrade', 'BeginRestore', 'WaitForRestore', 'InspectRestore'],
      ...['WaitForRestore', 'InspectRestore', 'ValidateRestored', 'CutOver', 'WaitForCutOver', 'CutOver'],
      ...[...END, 'Restored'],
    ],
    error: 'Godwit.Restored',
  },
  {
    name: 'the down script fails and a person decides to restore',
    script: {
      ...begun,
      Validate: 'indeterminate',
      Assess: 'passed/down-script',
      RollBack: 'failed',
      Degrade: 'passed/decide',
      AwaitDecision: 'passed/restore',
      Finish: 'passed/restored',
    },
    path: [
      ...[
        ...TO_MIGRATE,
        'Validate',
        'Assess',
        'RollBack',
        'Degrade',
        'AwaitDecision',
        ...RESTORE,
        ...END,
        'Restored',
      ],
    ],
    error: 'Godwit.Restored',
  },
  {
    name: 'the database is not as it was after the down script and a person decides to hold',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/down-script',
      ValidateRolledBack: 'failed',
      Degrade: 'passed/decide',
      AwaitDecision: 'passed/hold',
      Finish: 'passed/held',
    },
    path: [
      ...[
        ...TO_MIGRATE,
        'Assess',
        'RollBack',
        'ValidateRolledBack',
        'Degrade',
        'AwaitDecision',
        ...END,
        'Held',
      ],
    ],
    error: 'Godwit.Held',
  },
  {
    name: 'nobody decides in time',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/hold',
      Degrade: 'passed/decide',
      AwaitDecision: 'crash:States.Timeout',
      Finish: 'passed/held',
    },
    path: [...TO_MIGRATE, 'Assess', 'Degrade', 'AwaitDecision', ...END, 'Held'],
    error: 'Godwit.Held',
  },
  {
    name: 'policy holds',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/hold',
      Degrade: 'passed/hold',
      Finish: 'passed/held',
    },
    path: [...TO_MIGRATE, 'Assess', 'Degrade', ...END, 'Held'],
    error: 'Godwit.Held',
  },
  {
    name: 'the down script would lose writes and a person decides for it',
    script: {
      ...begun,
      Validate: 'failed',
      Assess: 'passed/ask',
      Degrade: 'passed/decide',
      AwaitDecision: 'passed/roll-back',
      Finish: 'passed/rolled-back',
    },
    path: [
      ...[...TO_MIGRATE, 'Validate', 'Assess', 'Degrade', 'AwaitDecision', 'RollBack', 'ValidateRolledBack'],
      ...[...END, 'RolledBack'],
    ],
    error: 'Godwit.RolledBack',
  },
  ...(
    [
      ['the down script that a person decided for fails', { RollBack: 'failed/roll-back' }, []],
      ['the down script that a person decided for crashes', { RollBack: 'crash' }, []],
      [
        'what the down script that a person decided for left is not as it was',
        { RollBack: 'passed/roll-back', ValidateRolledBack: 'failed/roll-back' },
        ['ValidateRolledBack'],
      ],
    ] as const
  ).map(([name, script, more]) => ({
    name: `${name}, nobody is asked again`,
    script: {
      ...begun,
      Validate: 'failed',
      Assess: 'passed/ask',
      Degrade: 'passed/decide',
      AwaitDecision: 'passed/roll-back',
      Finish: 'passed/held',
      ...script,
    } as const,
    path: [
      ...[...TO_MIGRATE, 'Validate', 'Assess', 'Degrade', 'AwaitDecision', 'RollBack', ...more],
      ...[...END, 'Held'],
    ],
    error: 'Godwit.Held',
  })),
  {
    name: 'the restored instance does not prove right, so it is not put in place',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/restore',
      Degrade: 'passed/restore',
      ValidateRestored: 'failed',
      Finish: 'passed/held',
    },
    path: [...TO_MIGRATE, 'Assess', 'Degrade', ...RESTORE.slice(0, -1), ...END, 'Held'],
    error: 'Godwit.Held',
  },
  {
    name: 'the restore fails',
    script: {
      ...begun,
      Migrate: 'failed',
      Assess: 'passed/restore',
      Degrade: 'passed/restore',
      InspectRestore: 'failed',
      Finish: 'passed/held',
    },
    path: [
      ...[
        ...TO_MIGRATE,
        'Assess',
        'Degrade',
        'BeginRestore',
        'WaitForRestore',
        'InspectRestore',
        ...END,
        'Held',
      ],
    ],
    error: 'Godwit.Held',
  },
];

test.each(scenarios)(
  'when $name, the states are entered in order',
  async ({ script, input, path, error }) => {
    const walked = await walk(script, input);

    expect(walked.path).toEqual(path);
    expect(walked.error).toBe(error);
  },
);
