import * as fc from 'fast-check';
import { abortKey, answerKey, questionKey } from '../../lambda/domain/question';
import { EXIT_CODES, newRunId, PHASE_OF } from '../../lambda/domain/run';
import { STEP_NAMES } from '../../lambda/domain/step';

const instants = fc.date({ min: new Date('2000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
/** Synchronous properties only: what it answers is no promise. */
const holds = <T>(property: fc.IProperty<T>): void => fc.assert(property);
const below1 = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the id of a run', () => {
  it('reads as the UTC time at which it began', () => {
    expect(newRunId(new Date('2026-01-31T23:59:58.999Z'), () => 0)).toBe('run-20260131-235958-0000');
    expect(newRunId(new Date('2026-01-31T23:59:58.999Z'), () => 0.9999999)).toBe('run-20260131-235958-ffff');
  });

  it('is a valid name of a Step Functions execution', () => {
    holds(
      fc.property(instants, below1, (now, random) => {
        expect(newRunId(now, () => random)).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
      }),
    );
  });

  it('sorts by time', () => {
    holds(
      fc.property(instants, instants, below1, below1, (one, other, first, second) => {
        const [earlier, later] = one < other ? [one, other] : [other, one];
        fc.pre(later.getTime() - earlier.getTime() >= 1000);
        expect(newRunId(earlier, () => first) < newRunId(later, () => second)).toBe(true);
      }),
    );
  });

  it('differs between runs of the same second', () => {
    const now = new Date();
    expect(new Set(Array.from({ length: 20 }, () => newRunId(now))).size).toBeGreaterThan(15);
  });
});

describe('what a run keeps', () => {
  it('has a key of its own for each question, answer and abort', () => {
    const keys = (['approval', 'decision'] as const).flatMap((name) => [
      questionKey('run-1', name),
      answerKey('run-1', name),
    ]);
    expect(new Set([...keys, abortKey('run-1')]).size).toBe(5);
    for (const key of keys) expect(key.startsWith('runs/run-1/')).toBe(true);
  });

  it('has a phase for every step', () => {
    expect(Object.keys(PHASE_OF).sort()).toEqual([...STEP_NAMES].sort());
  });
});

describe('exit codes', () => {
  it('are those that the command line promises', () => {
    expect(EXIT_CODES).toEqual({
      succeeded: 0,
      'nothing-to-do': 0,
      'rolled-back': 1,
      restored: 1,
      blocked: 3,
      held: 4,
      failed: 5,
      aborted: 130,
    });
  });
});
