/** The drill's state machine, in the local engine. What the template says of the drill is tested beside the stack. */
import { DRILL_STEP_NAMES, type DrillStepName } from '../../lambda/domain/drill';
import { DRILL_SECONDS } from '../../lib/drill-steps';
import { renderDrillDefinition } from '../../lib/render-workflow';
import { type StateMachineInput, stateMachineOf } from '../support/aws-workflow-runner';

type Validate = (
  definition: unknown,
  options: object,
) => { isValid: boolean; errorsText(separator: string): string };
const validate = require('asl-validator') as Validate;

const definition = renderDrillDefinition();
const machine = stateMachineOf(definition);

/** `verdict`, `verdict/route`, or `crash:ErrorName`. A step that is not named passes. */
type Script = Partial<Record<DrillStepName, string | readonly string[]>>;

async function walk(script: Script, input: StateMachineInput = { drillId: 'drill-1' }) {
  const inputs: [DrillStepName, Record<string, unknown>][] = [];
  const entries = new Map<DrillStepName, number>();
  const handler = (step: DrillStepName) => async (task: { readonly Payload: Record<string, unknown> }) => {
    inputs.push([step, task.Payload]);
    const answers = [script[step] ?? (step === 'ReportDrill' ? 'passed/passed' : 'passed')].flat();
    const entry = entries.get(step) ?? 0;
    entries.set(step, entry + 1);
    const answer = answers[Math.min(entry, answers.length - 1)] ?? 'passed';
    if (answer.startsWith('crash:')) throw Object.assign(new Error('scripted'), { name: answer.slice(6) });
    const [verdict, route = ''] = answer.split('/');
    return { StatusCode: 200, Payload: { drillId: 'drill-1', verdict, route } };
  };
  const { path, error } = await machine.walk(
    input,
    Object.fromEntries(DRILL_STEP_NAMES.map((step) => [step, handler(step)])),
  );
  return { path, error, inputs };
}

const END = ['DiscardDrill', 'ReportDrill'];

describe('the workflow of a drill', () => {
  test('is valid Amazon States Language, and its tasks outlive their functions', () => {
    const { isValid, errorsText } = validate(structuredClone(definition), {
      checkArn: true,
      checkPaths: true,
    });
    expect(isValid ? '' : errorsText('\n')).toBe('');
    for (const step of DRILL_STEP_NAMES) {
      expect(definition.States[step]?.TimeoutSeconds).toBeGreaterThan(DRILL_SECONDS[step]);
    }
  });

  test('waits for the restore point, then for the instance, proves it, discards it, reports', async () => {
    const { path, error } = await walk({
      BeginDrill: ['waiting/restore-point', 'waiting'],
      InspectDrill: ['waiting', 'passed'],
    });
    expect(error).toBeUndefined();
    expect(path).toEqual([
      'BeginDrill',
      'WaitForRestorePoint',
      'BeginDrill',
      'WaitForInstance',
      'InspectDrill',
      'WaitForInstance',
      'InspectDrill',
      'ProveDrill',
      ...END,
      'Passed',
    ]);
  });

  test.each(['BeginDrill', 'ProveDrill', 'DiscardDrill'] as const)(
    'that somebody else works on, as %s finds, is left to that one',
    async (step) => {
      const { path, error } = await walk({ [step]: 'crash:DrillContested' });
      expect(path.slice(path.indexOf(step))).toEqual([step, 'Contested']);
      expect(error).toBe('Godwit.DrillContested');
    },
  );

  test.each(['failed', 'indeterminate'])(
    'a %s proof is discarded and reported, and the execution fails',
    async (verdict) => {
      const { path, error } = await walk({ ProveDrill: verdict, ReportDrill: 'passed/not-proven' });
      expect(path.slice(-3)).toEqual([...END, 'NotPassed']);
      expect(error).toBe('Godwit.DrillNotPassed');
    },
  );

  test('targets that were missed fail the execution, too', async () => {
    expect((await walk({ ReportDrill: 'passed/too-slow' })).error).toBe('Godwit.DrillNotPassed');
  });

  test.each(DRILL_STEP_NAMES)(
    'a crash of %s is caught; what was begun is discarded and reported',
    async (step) => {
      for (const crash of ['crash:TypeError', 'crash:States.Timeout']) {
        const { path, inputs } = await walk({ BeginDrill: 'waiting', [step]: crash, ReportDrill: crash });
        const expected = step === 'DiscardDrill' || step === 'ReportDrill' ? ['ReportDrill'] : END;
        expect(path.slice(path.indexOf(step) + 1)).toEqual(
          step === 'ReportDrill' ? ['NotPassed'] : [...expected, 'NotPassed'],
        );
        const next = inputs[inputs.findIndex(([entered]) => entered === step) + 1];
        if (step !== 'ReportDrill') expect(next?.[1].error).toBeDefined();
      }
    },
  );

  test('what the schedule knows reaches the first step, and the id that it makes of it every other', async () => {
    const event = { at: '2026-11-22T03:00:00Z', event: 'a', targets: { rpoMs: 1, rtoMs: 2 } };
    const { inputs } = await walk({}, event);
    expect(inputs[0]).toEqual(['BeginDrill', event]);
    for (const [, input] of inputs.slice(1)) expect(input.drillId).toBe('drill-1');
  });
});
