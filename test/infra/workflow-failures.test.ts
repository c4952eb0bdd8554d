import { STEP_NAMES, type StepName } from '../../lambda/domain/step';
import { type Script, walk } from '../support/aws-workflow-runner';

const END = ['Finish', 'Report', 'Notify'];
const begun: Script = { BeginSnapshot: 'waiting', BeginRehearsal: 'waiting', BeginRestore: 'waiting' };

/** The script that leads a run to the step. */
const leadingTo = (step: StepName): Script => {
  const wayBack: Script = { ...begun, Migrate: 'failed', Assess: 'passed/down-script' };
  if (['Assess', 'RollBack', 'ValidateRolledBack'].includes(step)) return wayBack;
  const degraded: Script = {
    ...wayBack,
    RollBack: 'failed',
    Degrade: 'passed/decide',
    AwaitDecision: 'passed/restore',
  };
  const afterDegrade = [
    'Degrade',
    'AwaitDecision',
    'BeginRestore',
    'InspectRestore',
    'ValidateRestored',
    'CutOver',
  ];
  if (afterDegrade.includes(step)) return degraded;
  return { ...begun, CheckApproval: 'waiting' };
};

const CAUGHT_BY: Partial<Record<StepName, string>> = {
  Migrate: 'Assess',
  Validate: 'Assess',
  Assess: 'Degrade',
  RollBack: 'Degrade',
  ValidateRolledBack: 'Degrade',
  Finish: 'Report',
  Report: 'Notify',
  Notify: 'Succeeded',
};

test.each(STEP_NAMES)('a crash of %s is caught and told', async (step) => {
  const { path, inputs } = await walk({ ...leadingTo(step), [step]: 'crash:TypeError' });

  expect(path[path.indexOf(step) + 1]).toBe(CAUGHT_BY[step] ?? 'Finish');
  expect(path.slice(-4, -1)).toEqual(END);
  const next = inputs[inputs.findIndex(([entered]) => entered === step) + 1];
  if (step !== 'Notify') expect(next?.[1].error).toMatchObject({ Error: 'TypeError' });
});

test.each(STEP_NAMES)('a time limit exceeded in %s is caught and told', async (step) => {
  const { path } = await walk({ ...leadingTo(step), [step]: 'crash:States.Timeout' });

  expect(path.filter((state) => state === step)).toHaveLength(1);
  expect(path.slice(-4, -1)).toEqual(END);
});

test('a run whose Finish crashed claims nothing but failure', async () => {
  const { path, error } = await walk({ Finish: 'crash' });

  expect(path.at(-1)).toBe('Failed');
  expect(error).toBe('Godwit.Failed');
});

test('a status that nobody knows is a failure', async () => {
  expect((await walk({ Finish: 'passed/splendid' })).error).toBe('Godwit.Failed');
});

test('an error is told to the step that caught it and to none after', async () => {
  const { inputs } = await walk({
    Migrate: 'crash',
    Assess: 'passed/hold',
    Degrade: 'passed/hold',
    Finish: 'passed/held',
  });

  const told = inputs.filter(([, input]) => 'error' in input).map(([step]) => step);
  expect(told).toEqual(['Assess']);
});

test('the state carries ids and words only, however long a run goes on', async () => {
  const { inputs } = await walk({
    ...begun,
    Migrate: [...Array.from({ length: 50 }, () => 'waiting' as const), 'passed'],
  });

  for (const [, input] of inputs) {
    expect(input.runId).toBe('run-1');
    expect(JSON.stringify(input).length).toBeLessThan(200);
  }
});

test('steps that wait for a person get the token that resumes them', async () => {
  const { inputs } = await walk({ CheckApproval: 'waiting' });

  const asked = inputs.find(([step]) => step === 'AwaitApproval');
  expect(asked?.[1]).toEqual({ runId: 'run-1', taskToken: 'token-1' });
});

test('reading steps outlast a failover', async () => {
  const { path } = await walk({ Validate: ['crash:ConnectionLost', 'crash:DatabaseUnreachable', 'passed'] });

  expect(path.at(-1)).toBe('Succeeded');
});

test('a migration is not tried again blindly when its connection is lost', async () => {
  const { inputs } = await walk({ Migrate: 'crash:ConnectionLost', Assess: 'passed/nothing-to-undo' });

  expect(inputs.filter(([step]) => step === 'Migrate')).toHaveLength(1);
});

test('polling outlasts an AWS service that is away for a while', async () => {
  const { path } = await walk({ ...begun, InspectSnapshot: ['crash:AwsCallFailed', 'passed'] });

  expect(path.at(-1)).toBe('Succeeded');
});
