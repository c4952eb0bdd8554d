import { runPolicy } from '../../cli/options';
import { DEFAULT_POLICY, type Policy } from '../../lambda/domain/run';

const policy = (raw: Parameters<typeof runPolicy>[0]): Policy => runPolicy(raw, DEFAULT_POLICY);

test('without options a policy is what it was', () => {
  expect(policy({})).toEqual(DEFAULT_POLICY);
});

test('nobody’s session is ended unless somebody says after how long', () => {
  expect(policy({}).terminateIdleAfterMs).toBeUndefined();
  expect(policy({ terminateIdle: '5000' }).terminateIdleAfterMs).toBe(5_000);
});

test.each(['0', '-1', '1.5', '5s', '', '600001'])('--terminate-idle "%s" is refused', (terminateIdle) => {
  expect(() => policy({ terminateIdle })).toThrow(/--terminate-idle cannot be .* whole milliseconds/);
});

test('a request that was journaled before there was a limit ends nobody’s session', () => {
  const { terminateIdleAfterMs: _, ...old } = DEFAULT_POLICY;
  const read = JSON.parse(JSON.stringify(old)) as Policy;
  expect(read.terminateIdleAfterMs).toBeUndefined();
});
