import { STEP_NAMES } from '../../lambda/domain/step';
import { renderMermaid } from '../../lib/render-mermaid';
import { type ChoiceRule, renderDefinition, type StateDefinition } from '../../lib/render-workflow';
import { AWS_AWAY, DATABASE_AWAY, RETRIES } from '../../lib/retry-policies';
import { FUNCTION_SECONDS } from '../../lib/step-limits';

type Validate = (
  definition: unknown,
  options: object,
) => { isValid: boolean; errorsText(separator: string): string };
// The package has no types that its entry point leads to; and it writes QueryLanguage into what it is given.
const validate = require('asl-validator') as Validate;

const definition = renderDefinition({ approvalSeconds: 3_600, decisionSeconds: 1_800 });
const states = Object.entries(definition.States);
const tasks = states.filter(([, state]) => state.Type === 'Task');
const PERSON_STEPS = ['AwaitApproval', 'AwaitDecision'];

const rulesOf = (rule: ChoiceRule): readonly ChoiceRule[] => [
  rule,
  ...[...(rule.And ?? []), ...(rule.Or ?? []), ...(rule.Not === undefined ? [] : [rule.Not])].flatMap(
    rulesOf,
  ),
];

const targetsOf = (state: StateDefinition): readonly string[] =>
  [
    state.Next,
    state.Default,
    ...(state.Choices ?? []).map((rule) => rule.Next),
    ...(state.Catch ?? []).map((catcher) => catcher.Next),
  ].filter((target) => target !== undefined);

test('the definition is valid Amazon States Language', () => {
  const { isValid, errorsText } = validate(structuredClone(definition), { checkArn: true, checkPaths: true });

  expect(isValid ? '' : errorsText('\n')).toBe('');
});

test('nothing is left for CloudFormation to fill in', () => {
  expect(JSON.stringify(definition).match(/Fn::|"Ref"|\$\{Token/g)).toBeNull();
});

test('every step is exactly one task, named alike, that invokes the function of that name', () => {
  expect(tasks.map(([name]) => name).sort()).toEqual([...STEP_NAMES].sort());
  for (const [name, task] of tasks) {
    const wait = PERSON_STEPS.includes(name) ? '.waitForTaskToken' : '';
    expect(task.Resource).toBe(`arn:aws:states:::lambda:invoke${wait}`);
    expect(task.Parameters?.FunctionName).toMatch(new RegExp(`:function:${name}$`));
  }
});

test('every state is reachable, and none leads nowhere', () => {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const state = definition.States[name];
    expect(state).toBeDefined();
    if (state !== undefined) targetsOf(state).forEach(visit);
  };
  visit(definition.StartAt);

  expect([...seen].sort()).toEqual(states.map(([name]) => name).sort());
});

test.each(tasks)('%s has a time limit, retries, and a catch of everything that comes last', (_name, task) => {
  expect(task.TimeoutSeconds).toBeGreaterThan(0);
  // Node's timers, on which the embedded engine counts, end at 2^31 - 1 ms.
  expect(task.TimeoutSeconds).toBeLessThan(2_147_483);
  expect(task.Retry?.length).toBeGreaterThan(0);
  expect(task.Catch?.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
  expect(task.Catch?.at(-1)?.ResultPath).toBe('$.error');
  const earlier = [...(task.Retry ?? []), ...(task.Catch ?? []).slice(0, -1)].flatMap(
    (rule) => rule.ErrorEquals,
  );
  expect(earlier).not.toContain('States.ALL');
});

test('a task outlives the function it waits for, so that nothing runs on beside the next step', () => {
  for (const step of STEP_NAMES) {
    if (PERSON_STEPS.includes(step)) continue;
    expect(definition.States[step]?.TimeoutSeconds).toBeGreaterThan(FUNCTION_SECONDS[step]);
  }
  expect(definition.States.AwaitApproval?.TimeoutSeconds).toBe(3_600);
  expect(definition.States.AwaitDecision?.TimeoutSeconds).toBe(1_800);
});

test('no error is retried by two policies of one task', () => {
  for (const [, task] of tasks) {
    const errors = (task.Retry ?? []).flatMap((retrier) => retrier.ErrorEquals);
    expect(new Set(errors).size).toBe(errors.length);
  }
});

test('steps that execute a migration are retried only where no code has run', () => {
  for (const step of ['Migrate', 'RollBack', 'RunRehearsal'] as const) {
    const errors = RETRIES[step].flatMap((policy) => policy.errors ?? []);
    for (const ambiguous of [
      'Lambda.Unknown',
      'Lambda.ServiceException',
      'ConnectionLost',
      'States.TaskFailed',
    ]) {
      expect(errors).not.toContain(ambiguous);
    }
  }
});

test('only what both engines execute alike is used', () => {
  const text = JSON.stringify(definition);
  expect(text.match(/JSONata|QueryLanguage|"(Assign|Arguments|Output|Parallel|Map|Pass)"/g)).toBeNull();
  const rules = states.flatMap(([, state]) => (state.Choices ?? []).flatMap(rulesOf));
  for (const rule of rules) expect(rule).not.toMatchObject({ IsPresent: false });
  const contextPaths = new Set(text.match(/\$\$\.[A-Za-z.]+/g));
  expect([...contextPaths].sort()).toEqual([
    '$$.Execution.Input.rehearse',
    '$$.Execution.Input.runId',
    '$$.Task.Token',
  ]);
});

test('the waits are short and named for what is waited for', () => {
  const waits = states
    .filter(([, state]) => state.Type === 'Wait')
    .map(([name, { Seconds }]) => [name, Seconds]);

  expect(Object.fromEntries(waits)).toEqual({
    WaitForSnapshot: 15,
    WaitForRehearsal: 15,
    WaitForRehearsalRun: 1,
    WaitForMigration: 1,
    WaitForRollBack: 1,
    WaitForRestore: 15,
    WaitForCutOver: 15,
  });
});

test('the errors that are retried by name are those that our classes carry', async () => {
  const { AwsCallFailed } = await import('../../lambda/adapters/aws/errors');
  const { ConnectionLost, DatabaseUnreachable } = await import('../../lambda/ports/database');
  const address = { host: 'h', port: 1, database: 'd', user: 'u' };

  expect(AWS_AWAY.errors).toEqual([new AwsCallFailed('rds', 'DescribeDBInstances', new Error('x')).name]);
  expect(DATABASE_AWAY.errors).toEqual([
    new ConnectionLost(address, 'x').name,
    new DatabaseUnreachable(address, 'x').name,
  ]);
});

test('the diagram shows the happy path from end to end', () => {
  const lines = renderMermaid(definition).split('\n');

  expect(lines[0]).toBe('flowchart TD');
  for (const arrow of [
    'Preflight ==>|passed| BeginSnapshot',
    'BeginSnapshot ==>|passed| ShallRehearse',
    'RunRehearsal ==>|passed| CheckApproval',
    'CheckApproval ==>|passed| Baseline',
    'Baseline ==>|passed| Migrate',
    'Migrate ==>|passed| Validate',
    'Validate ==>|passed| Finish',
    'Finish ==> Report',
    'Report ==> Notify',
    'Notify ==> Outcome',
  ]) {
    expect(lines).toContain(`  ${arrow}`);
  }
  expect(lines).toContain('  Migrate -.->|else| Assess');
});
