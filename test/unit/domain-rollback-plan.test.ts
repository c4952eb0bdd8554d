import * as fc from 'fast-check';
import {
  type MigrationOutcomeFact,
  planRollback,
  type RollbackFacts,
  type RollbackPlan,
} from '../../lambda/domain/rollback-plan';

const RUNGS = ['nothing-to-undo', 'down-script', 'restore', 'hold'] as const;

const migration = (name: string, more: Partial<MigrationOutcomeFact> = {}): MigrationOutcomeFact => ({
  name,
  effect: 'applied',
  hasDownScript: true,
  downScript: 'proven',
  ...more,
});

const plan = (migrations: readonly MigrationOutcomeFact[], more: Partial<RollbackFacts> = {}): RollbackPlan =>
  planRollback({ migrations, restorePoint: 'before-run', stateKnown: true, ...more });

const reasonFor = (answer: RollbackPlan, rung: (typeof RUNGS)[number]): string | undefined =>
  answer.considered.find((candidate) => candidate.rung === rung)?.reason;

describe('planRollback', () => {
  it('has nothing to undo where every transaction was rolled back', () => {
    const answer = plan([migration('1_a', { effect: 'undone' }), migration('2_b', { effect: 'undone' })]);
    expect(answer).toMatchObject({ rung: 'nothing-to-undo', toRollBack: [] });
    expect(reasonFor(answer, 'nothing-to-undo')).toBe('every transaction of this run was rolled back');
  });

  it('takes proven down scripts, last applied first, and leaves out what did not take effect', () => {
    const answer = plan([migration('1_a'), migration('2_b'), migration('3_c', { effect: 'undone' })]);
    expect(answer).toMatchObject({ rung: 'down-script', toRollBack: ['2_b', '1_a'] });
    expect(reasonFor(answer, 'nothing-to-undo')).toBe('1_a, 2_b took effect');
    expect(reasonFor(answer, 'down-script')).toBe(
      'the down scripts brought schema and data back exactly on the clone',
    );
  });

  it('takes untried down scripts, too, and says that they are', () => {
    const answer = plan([migration('1_a'), migration('2_b', { downScript: 'untried' })]);
    expect(answer.rung).toBe('down-script');
    expect(reasonFor(answer, 'down-script')).toBe(
      'down scripts exist; not rehearsed for 2_b, the result is validated all the same',
    );
  });

  it('counts a proof for the whole migration as none for a part of it', () => {
    const answer = plan([migration('1_a', { effect: 'partial' })]);
    expect(answer).toMatchObject({ rung: 'down-script', toRollBack: ['1_a'] });
    expect(reasonFor(answer, 'down-script')).toContain('not rehearsed for 1_a');
  });

  it('restores where a down script is missing, and names the migration', () => {
    const answer = plan([
      migration('1_a'),
      migration('2_b', { hasDownScript: false, downScript: 'untried' }),
    ]);
    expect(answer).toMatchObject({ rung: 'restore', toRollBack: [] });
    expect(reasonFor(answer, 'down-script')).toBe('no down.sql for 2_b');
    expect(reasonFor(answer, 'restore')).toBe('restore point before-run; what was written since is lost');
  });

  it('restores where a down script failed on the clone, and names the migration', () => {
    const answer = plan([migration('1_a', { downScript: 'failed' }), migration('2_b')]);
    expect(answer.rung).toBe('restore');
    expect(reasonFor(answer, 'down-script')).toBe(
      'the down script did not bring everything back on the clone: 1_a',
    );
  });

  it('does not mind a missing down script of what did not take effect', () => {
    const undone = migration('2_b', { effect: 'undone', hasDownScript: false, downScript: 'failed' });
    expect(plan([migration('1_a'), undone])).toMatchObject({ rung: 'down-script', toRollBack: ['1_a'] });
  });

  it('restores where it is not known what took effect', () => {
    const answer = plan([], { stateKnown: false });
    expect(answer.rung).toBe('restore');
    expect(reasonFor(answer, 'nothing-to-undo')).toBe('what took effect is not known');
    expect(reasonFor(answer, 'down-script')).toBe('what took effect is not known');
  });

  it('holds where nothing else is left', () => {
    const answer = plan([migration('1_a', { hasDownScript: false })], { restorePoint: undefined });
    expect(answer.rung).toBe('hold');
    expect(reasonFor(answer, 'restore')).toBe('there is no restore point');
    expect(reasonFor(answer, 'hold')).toBe('writes are fenced and people decide');
    expect(plan([], { stateKnown: false, restorePoint: undefined }).rung).toBe('hold');
  });
});

describe('planRollback, whatever the facts', () => {
  const facts: fc.Arbitrary<RollbackFacts> = fc.record({
    migrations: fc.uniqueArray(
      fc.record({
        name: fc.string({ minLength: 1 }),
        effect: fc.constantFrom('applied' as const, 'partial' as const, 'undone' as const),
        hasDownScript: fc.boolean(),
        downScript: fc.constantFrom('proven' as const, 'untried' as const, 'failed' as const),
      }),
      { selector: (each) => each.name, maxLength: 5 },
    ),
    restorePoint: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    stateKnown: fc.boolean(),
  });
  const touchedOf = ({ migrations }: RollbackFacts) => migrations.filter((each) => each.effect !== 'undone');
  const always = (promise: (facts: RollbackFacts, answer: RollbackPlan) => void): void =>
    fc.assert(fc.property(facts, (given) => promise(given, planRollback(given))));

  it('never finds nothing to undo when something took effect or nobody knows', () => {
    always((given, answer) => {
      const isClean = given.stateKnown && touchedOf(given).length === 0;
      expect(answer.rung === 'nothing-to-undo').toBe(isClean);
    });
  });

  it('never takes a down script that is missing or failed', () => {
    always((given, answer) => {
      if (answer.rung !== 'down-script') return;
      for (const each of touchedOf(given)) {
        expect(each.hasDownScript).toBe(true);
        expect(each.downScript).not.toBe('failed');
      }
    });
  });

  it('rolls back exactly what took effect, in reverse, and only by down scripts', () => {
    always((given, answer) => {
      const names = touchedOf(given).map((each) => each.name);
      expect(answer.toRollBack).toEqual(answer.rung === 'down-script' ? names.reverse() : []);
    });
  });

  it('restores only to a restore point, and loses no data while a down script would do', () => {
    always((given, answer) => {
      if (answer.rung !== 'restore') return;
      expect(given.restorePoint).toBeDefined();
      const isUnusable = touchedOf(given).some((each) => !each.hasDownScript || each.downScript === 'failed');
      expect(isUnusable || !given.stateKnown).toBe(true);
    });
  });

  it('gives every rung in order with a reason, and chooses one', () => {
    always((_, answer) => {
      expect(answer.considered.map(({ rung }) => rung)).toEqual(RUNGS);
      expect(answer.considered.filter(({ chosen }) => chosen).map(({ rung }) => rung)).toEqual([answer.rung]);
      for (const { reason } of answer.considered) expect(reason).not.toBe('');
    });
  });
});
