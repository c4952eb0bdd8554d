import * as fc from 'fast-check';
import {
  type MigrationOutcomeFact,
  planBehindFence,
  planRollback,
  type RollbackFacts,
  type RollbackPlan,
  type WayBackPolicy,
} from '../../lambda/domain/rollback-plan';

const RUNGS = ['nothing-to-undo', 'down-script', 'restore', 'hold'] as const;

const migration = (name: string, more: Partial<MigrationOutcomeFact> = {}): MigrationOutcomeFact => ({
  name,
  effect: 'applied',
  hasDownScript: true,
  downScript: 'proven',
  mayHarmFormerData: false,
  writesAtRisk: [],
  ...more,
});

const plan = (migrations: readonly MigrationOutcomeFact[], more: Partial<RollbackFacts> = {}): RollbackPlan =>
  planRollback({ migrations, restorePoint: 'before-run', stateKnown: true, policy: POLICY, ...more });

/** Everything by itself. */
const POLICY: WayBackPolicy = { 'down-script': 'auto', restore: 'auto' };

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
      'down scripts exist; not proven on a clone for 2_b, the result is validated all the same',
    );
  });

  it('asks before an untried down script that may harm what was there before, and lets policy forbid it', () => {
    const facts = [migration('1_a', { downScript: 'untried', mayHarmFormerData: true })];
    const answer = plan(facts, { policy: { 'down-script': 'auto', restore: 'ask' } });
    expect(answer).toMatchObject({ rung: 'down-script', approval: 'needed' });
    expect(reasonFor(answer, 'down-script')).toContain(
      'may not bring back all data that was there before (1_a)',
    );
    expect(plan(facts, { policy: { 'down-script': 'auto', restore: 'never' } }).rung).toBe('hold');
    expect(plan(facts).approval).toBe('not-needed');
  });

  it('takes no down script in data that was there before after a part of the migration, proven or not', () => {
    const answer = plan([migration('1_a', { effect: 'partial', mayHarmFormerData: true })]);
    expect(answer).toMatchObject({ rung: 'restore', toRollBack: [] });
    expect(reasonFor(answer, 'down-script')).toBe(
      '1_a took effect in part, and its down script undoes the whole of it in data that was there before',
    );
  });

  it('counts a proof for the whole migration as none for a part of it', () => {
    const answer = plan([migration('1_a', { effect: 'partial' })]);
    expect(answer).toMatchObject({ rung: 'down-script', toRollBack: ['1_a'] });
    expect(reasonFor(answer, 'down-script')).toContain('not proven on a clone for 1_a');
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

  it('asks before a down script loses what was written since, names it, and offers the restore beside it', () => {
    const facts = [migration('1_a', { writesAtRisk: [{ place: 'wallet."label"', rows: 3 }] })];
    const policy = { 'down-script': 'auto', restore: 'ask' } as const;
    const answer = plan(facts, { policy });
    expect(answer).toMatchObject({ rung: 'down-script', approval: 'needed', toRollBack: ['1_a'] });
    expect(answer.offered).toEqual(['down-script', 'restore']);
    expect(reasonFor(answer, 'down-script')).toContain(`they lose up to 3 rows' wallet."label"`);
    expect(plan(facts, { policy: { ...policy, restore: 'auto' } }).approval).toBe('not-needed');
    expect(plan(facts, { policy: { ...policy, restore: 'never' } }).rung).toBe('hold');
  });

  it('does not ask where nothing was written where the down script would lose it', () => {
    const unwritten = [migration('1_a', { writesAtRisk: [{ place: 'wallet."label"', rows: 0 }] })];
    const answer = plan(unwritten, { policy: { 'down-script': 'auto', restore: 'ask' } });
    expect(answer).toMatchObject({ rung: 'down-script', approval: 'not-needed', offered: [] });
  });

  it('asks where nobody could count what was written', () => {
    const unknown = [migration('1_a', { writesAtRisk: [{ place: 'wallet', rows: undefined }] })];
    const answer = plan(unknown, { policy: { 'down-script': 'auto', restore: 'ask' } });
    expect(answer.approval).toBe('needed');
    expect(reasonFor(answer, 'down-script')).toContain('an unknown number of');
  });

  it('has only the restore left behind the fence', () => {
    const policy = { 'down-script': 'auto', restore: 'ask' } as const;
    expect(planBehindFence({ restorePoint: 'x', policy })).toEqual({
      rung: 'restore',
      approval: 'needed',
      offered: ['restore'],
    });
    expect(planBehindFence({ restorePoint: undefined, policy }).rung).toBe('hold');
    expect(planBehindFence({ restorePoint: 'x', policy: { ...policy, restore: 'never' } }).rung).toBe('hold');
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
        mayHarmFormerData: fc.boolean(),
        writesAtRisk: fc.array(
          fc.record({ place: fc.string(), rows: fc.option(fc.nat({ max: 9 }), { nil: undefined }) }),
          { maxLength: 2 },
        ),
      }),
      { selector: (each) => each.name, maxLength: 5 },
    ),
    restorePoint: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    stateKnown: fc.boolean(),
    policy: fc.record({
      'down-script': fc.constantFrom('auto' as const, 'ask' as const, 'never' as const),
      restore: fc.constantFrom('auto' as const, 'ask' as const, 'never' as const),
    }),
  });
  const mayLoseData = (given: RollbackFacts): boolean =>
    touchedOf(given).some(
      ({ writesAtRisk, downScript, mayHarmFormerData }) =>
        writesAtRisk.some(({ rows }) => rows !== 0) || (downScript === 'untried' && mayHarmFormerData),
    );
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
        expect(each.effect === 'partial' && each.mayHarmFormerData).toBe(false);
      }
    });
  });

  it('names what took effect, in reverse, wherever down scripts may come to run, and else nothing', () => {
    always((given, answer) => {
      const names = touchedOf(given).map((each) => each.name);
      const mayRun = answer.rung === 'down-script' || answer.offered.includes('down-script');
      expect(answer.toRollBack).toEqual(mayRun ? names.reverse() : []);
    });
  });

  it('restores only to a restore point, and not while a down script that policy lets run would do', () => {
    always((given, answer) => {
      if (answer.rung !== 'restore') return;
      expect(given.restorePoint).toBeDefined();
      const isUnusable = touchedOf(given).some(
        (each) =>
          !each.hasDownScript ||
          each.downScript === 'failed' ||
          (each.effect === 'partial' && each.mayHarmFormerData),
      );
      const isForbidden = given.policy['down-script'] === 'never';
      expect(isUnusable || isForbidden || !given.stateKnown).toBe(true);
    });
  });

  it('loses nothing without the word of policy or of a person', () => {
    always((given, answer) => {
      const loses = answer.rung === 'restore' || (answer.rung === 'down-script' && mayLoseData(given));
      if (!loses) return;
      expect(given.policy.restore).not.toBe('never');
      if (given.policy.restore === 'ask') expect(answer.approval).toBe('needed');
    });
  });

  it('offers a person what it would take itself first, and nothing that policy refuses', () => {
    always((given, answer) => {
      if (answer.approval === 'not-needed') return expect(answer.offered).toEqual([]);
      expect(answer.offered[0]).toBe(answer.rung);
      for (const rung of answer.offered) expect(given.policy[rung]).not.toBe('never');
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
