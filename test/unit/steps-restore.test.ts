/** A run that goes on after its process died: what it restored may be gone, and must be made and proven again. */
import type { Endpoint, EndpointState } from '../../lambda/ports/endpoint';
import type { InstanceState, Recovery } from '../../lambda/ports/recovery';
import { beginRestore, inspectRestore, restoredInstanceOf } from '../../lambda/steps/restore';
import { validateRestored } from '../../lambda/steps/validate';
import { answers, PASSED, RUN, useSteps } from '../support/steps';

const steps = useSteps();
const { enter, journaled } = steps;

/** What is asked of the ports here, and nothing else. */
function home(instance: InstanceState, endpoint: EndpointState['state'] = 'fenced') {
  let state = instance;
  const begun: string[] = [];
  const recovery = {
    inspectInstance: async () => state,
    beginInstance: async (name: string): Promise<InstanceState> => {
      begun.push(name);
      state = { state: 'creating' };
      return state;
    },
  } as unknown as Recovery;
  return {
    begun,
    becomes: (next: InstanceState): void => {
      state = next;
    },
    ports: { recovery, endpoint: { inspect: async () => ({ state: endpoint }) } as Endpoint },
  };
}

const again = (step: typeof beginRestore, { ports }: ReturnType<typeof home>) =>
  step(steps.context(ports), { runId: RUN });

beforeEach(async () => {
  const record = { restorePoint: `before-${RUN}`, at: steps.now.toISOString() };
  await enter('BeginSnapshot', async () => ({ ...PASSED, record }));
  await enter('BeginRestore', answers(PASSED));
});

it('has nothing to do as long as the instance is there', async () => {
  const there = home({ state: 'ready' });
  expect(await again(beginRestore, there)).toEqual({ verdict: 'passed', route: 'passed' });
  expect(there.begun).toEqual([]);
});

it('makes the instance again where it is gone, waits for it, and validates it again', async () => {
  await enter('ValidateRestored', answers(PASSED));
  const gone = home({ state: 'absent' });
  expect(await again(beginRestore, gone)).toMatchObject({ verdict: 'waiting' });
  expect(gone.begun).toEqual([restoredInstanceOf(RUN)]);
  expect(await again(inspectRestore, gone)).toMatchObject({ verdict: 'waiting' });
  gone.becomes({ state: 'ready' });
  expect(await again(inspectRestore, gone)).toMatchObject({ verdict: 'passed' });
  const checkpoints = (await journaled()).filter((entry) => entry.type === 'checkpoint');
  expect(checkpoints.map(({ step }) => step)).toEqual([
    'BeginSnapshot',
    'BeginRestore',
    'ValidateRestored',
    'InspectRestore',
  ]);
  // Without recovery there is nothing to look at: what matters is that it looks.
  expect(await validateRestored(steps.context(), { runId: RUN })).toMatchObject({ verdict: 'indeterminate' });
});

it('does not wait longer for it because it waited before', async () => {
  steps.pass(24 * 3_600_000);
  expect(await again(beginRestore, home({ state: 'absent' }))).toMatchObject({ verdict: 'waiting' });
});

it('does not look again at what was validated since', async () => {
  await enter('ValidateRestored', answers(PASSED));
  expect(await validateRestored(steps.context(), { runId: RUN })).toMatchObject({ verdict: 'passed' });
});

describe('where the cut-over had been entered', () => {
  beforeEach(async () => {
    await enter('ValidateRestored', answers(PASSED));
    await enter('CutOver', answers({ verdict: 'waiting', message: 'not yet' }));
  });

  it.each(['cutting-over', 'serving'] as const)(
    'makes nothing again once the endpoint is %s',
    async (state) => {
      const begun = home({ state: 'absent' }, state);
      expect(await again(beginRestore, begun)).toMatchObject({ verdict: 'passed' });
      expect(begun.begun).toEqual([]);
    },
  );

  it('makes it again as long as nothing was switched', async () => {
    const untouched = home({ state: 'absent' });
    expect(await again(beginRestore, untouched)).toMatchObject({ verdict: 'waiting' });
    expect(untouched.begun).toEqual([restoredInstanceOf(RUN)]);
  });
});

it.each([
  ['ValidateRestored', { verdict: 'failed', message: 'not the same' }],
  ['CutOver', PASSED],
] as const)('makes nothing again that %s has concluded', async (step, answer) => {
  await enter(step, answers(answer));
  const over = home({ state: 'absent' });
  expect(await again(beginRestore, over)).toMatchObject({ verdict: 'passed' });
  expect(over.begun).toEqual([]);
});
