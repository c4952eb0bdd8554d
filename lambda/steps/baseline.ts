/** Baseline: the readings before, which those after the migration are compared with. */
import { keepEarly } from './early-readings';
import { step } from './enter';
import { brokenOnes, compareInvariants, keepBefore, readBefore, readState, unclearOnes } from './readings';

export const baseline = step<'Baseline'>('Baseline', async (run) => {
  const known = await readBefore(run);
  const state = known ?? (await readState(run, run.database, run.clock.now().toISOString()));
  if (!known) await keepBefore(run, state);
  await keepEarly(run, state);

  // What is not there yet may be what the migration makes: Validate looks at it then.
  const outcomes = compareInvariants(run, state.readings, state.readings, { isBack: true });
  const unclear = [...unclearOnes(outcomes), ...brokenOnes(outcomes)];
  const [first] = unclear;
  if (first) {
    return {
      verdict: 'blocked',
      message: `invariant "${first.name}" cannot be read: ${first.differences.join('; ')}. Correct it in the invariants folder.`,
    };
  }
  return {
    verdict: 'passed',
    message: `${outcomes.length} invariants read`,
    record: { invariants: outcomes.length, asOf: state.asOf },
  };
});
