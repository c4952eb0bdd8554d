import { type JournalView, outcomeOf } from '../../lambda/domain/outcome';
import {
  type Checkpoint,
  EXIT_CODES,
  type JournalEntry,
  PHASE_OF,
  type Phase,
  type PhaseRecords,
  type RunOutcome,
} from '../../lambda/domain/run';
import { STEP_NAMES, type StepName } from '../../lambda/domain/step';

const AT = '2026-01-31T12:00:00.000Z';

class Entries implements JournalView {
  readonly entries: JournalEntry[] = [];

  checkpoint(phase: Phase): Checkpoint | undefined {
    return this.entries.findLast(
      (entry): entry is Checkpoint => entry.type === 'checkpoint' && entry.phase === phase,
    );
  }

  record<P extends Phase>(phase: P): PhaseRecords[P] | undefined {
    return this.checkpoint(phase)?.record as PhaseRecords[P] | undefined;
  }

  entered(step: StepName): this {
    this.entries.push({ type: 'entered', at: AT, step, owner: 'me' });
    return this;
  }

  /** Entered and concluded; the message is `<step>'s message`. */
  done(
    step: StepName,
    verdict: Checkpoint['verdict'],
    more: { route?: string; record?: PhaseRecords[Phase] } = {},
  ): this {
    const said = { route: verdict, message: `${step}'s message`, ...more };
    const phase = PHASE_OF[step];
    this.entered(step).entries.push({ type: 'checkpoint', at: AT, step, phase, verdict, ...said });
    return this;
  }

  passed(...steps: readonly StepName[]): this {
    for (const step of steps) this.done(step, 'passed');
    return this;
  }

  fenced(): this {
    return this.done('Degrade', 'passed', { record: { offered: [], fencedAt: AT } });
  }

  takenBack(...names: readonly string[]): this {
    this.passed('Assess').done('RollBack', 'passed', { record: { rolledBack: names } });
    return this.passed('ValidateRolledBack');
  }

  cutOver(): this {
    return this.done('CutOver', 'passed', { record: { instance: 'restored-run', keptAs: 'kept-run' } });
  }

  /** As the step that caught it writes it down. */
  crashed(caughtBy: StepName, error: string, cause = ''): this {
    this.entered(caughtBy).entries.push({ type: 'crashed', at: AT, error, cause });
    return this;
  }

  judged(facts: { aborted?: boolean } = {}): RunOutcome {
    return outcomeOf(this, { aborted: facts.aborted ?? false });
  }
}

const BEFORE = ['Preflight', 'BeginSnapshot', 'RunRehearsal', 'CheckApproval', 'Baseline'] as const;
const ready = (): Entries => new Entries().passed(...BEFORE);

const migrateRecord = (more: Partial<PhaseRecords['Migrate']> = {}): PhaseRecords['Migrate'] => ({
  applied: ['1_a', '2_b'],
  statements: [],
  worstBlockingMs: 1,
  durationMs: 1,
  ...more,
});
const migrated = (): Entries => ready().done('Migrate', 'passed', { record: migrateRecord() });
const failing = (more: Partial<PhaseRecords['Migrate']> = {}): Entries =>
  ready().done('Migrate', 'failed', { record: migrateRecord({ applied: ['1_a'], ...more }) });

describe('a run that ends well', () => {
  it('has succeeded once it is validated', () => {
    expect(migrated().passed('Validate').judged()).toEqual({
      status: 'succeeded',
      reason: "Validate's message",
      applied: ['1_a', '2_b'],
      rolledBack: [],
    });
  });

  it('has succeeded, and not been aborted, where the wish came after everything was done', () => {
    expect(migrated().passed('Validate').judged({ aborted: true }).status).toBe('succeeded');
  });

  it('had nothing to do', () => {
    const outcome = new Entries().done('Preflight', 'passed', { route: 'nothing-to-do' }).judged();
    expect(outcome).toEqual({
      status: 'nothing-to-do',
      reason: "Preflight's message",
      applied: [],
      rolledBack: [],
    });
  });

  it('has succeeded where only a rehearsal was asked for', () => {
    const entries = new Entries().passed('Preflight', 'BeginSnapshot', 'RunRehearsal');
    expect(entries.done('CheckApproval', 'blocked', { route: 'rehearsed' }).judged()).toMatchObject({
      status: 'succeeded',
      applied: [],
    });
  });

  it('has succeeded where it went on after a kill in the middle of a way back', () => {
    const entries = ready().crashed('Assess', 'ConnectionLost').done('Assess', 'passed');
    expect(
      entries.done('Migrate', 'passed', { record: migrateRecord() }).passed('Validate').judged().status,
    ).toBe('succeeded');
  });
});

describe('a run that changed nothing', () => {
  it.each(BEFORE)('is blocked where %s refuses, fails or cannot tell', (step) => {
    for (const verdict of ['blocked', 'failed', 'indeterminate'] as const) {
      const entries = new Entries().passed(...BEFORE.slice(0, BEFORE.indexOf(step))).done(step, verdict);
      expect(entries.judged()).toEqual({
        status: 'blocked',
        reason: `${PHASE_OF[step]}: ${step}'s message`,
        applied: [],
        rolledBack: [],
      });
    }
  });

  it.each(BEFORE)('is blocked, with its cause, where %s crashes', (step) => {
    const entries = new Entries().passed(...BEFORE.slice(0, BEFORE.indexOf(step))).entered(step);
    expect(entries.crashed('Finish', 'TypeError', 'no "such"\nthing').judged()).toMatchObject({
      status: 'blocked',
      reason: `${step}: TypeError: no "such"\nthing; nothing was changed`,
    });
  });

  it('is blocked where its journal is empty', () => expect(new Entries().judged().status).toBe('blocked'));

  it('is blocked where nobody approved in time', () => {
    const entries = new Entries().passed('Preflight', 'BeginSnapshot', 'RunRehearsal');
    expect(
      entries.entered('CheckApproval').entered('AwaitApproval').crashed('Finish', 'States.Timeout').judged(),
    ).toMatchObject({
      status: 'blocked',
      reason: 'nobody approved in time; nothing was changed',
    });
  });

  it('does not blame a person where a step took too long', () => {
    const entries = new Entries().passed('Preflight').entered('BeginSnapshot');
    expect(entries.crashed('Finish', 'States.Timeout').judged().reason).toBe(
      'BeginSnapshot: States.Timeout; nothing was changed',
    );
  });

  it('is aborted where a person stopped it before it migrated', () => {
    for (let steps = 0; steps <= BEFORE.length; steps += 1) {
      expect(new Entries().passed(...BEFORE.slice(0, steps)).judged({ aborted: true })).toMatchObject({
        status: 'aborted',
        reason: 'stopped by a person; nothing was changed',
      });
    }
  });

  it('is aborted where a step wrote that down, although the process that was told to is gone', () => {
    const entries = new Entries().passed('Preflight').done('BeginSnapshot', 'blocked', { route: 'aborted' });
    expect(entries.judged().status).toBe('aborted');
  });
});

describe('a run that turned back', () => {
  it('is rolled back where the result is validated', () => {
    const entries = failing().takenBack('1_a');
    expect(entries.judged()).toEqual({
      status: 'rolled-back',
      reason: "Migrate: Migrate's message",
      applied: [],
      rolledBack: ['1_a'],
    });
  });

  it('is rolled back where a validation that failed was the cause', () => {
    const entries = migrated().done('Validate', 'failed').takenBack('2_b', '1_a');
    const reason = "Validate: Validate's message";
    expect(entries.judged()).toMatchObject({ status: 'rolled-back', reason, applied: [] });
  });

  it('has not succeeded where the answer of a passed validation got lost and it was taken back', () => {
    const entries = migrated().passed('Validate').crashed('Assess', 'States.Timeout').takenBack('2_b', '1_a');
    const undone = { applied: [], rolledBack: ['2_b', '1_a'] };
    expect(entries.judged()).toMatchObject({ status: 'rolled-back', ...undone });
  });

  it('is aborted where a person stopped it while it migrated and nothing of it is left', () => {
    const entries = failing({ aborted: true }).takenBack('1_a');
    for (const aborted of [true, false]) {
      expect(entries.judged({ aborted })).toMatchObject({
        status: 'aborted',
        reason: 'stopped by a person; the database is as it was',
      });
    }
  });

  it('is rolled back, and not aborted, where it failed by itself before the wish was heard', () => {
    const entries = failing().passed('Assess', 'ValidateRolledBack');
    expect(entries.judged({ aborted: true }).status).toBe('rolled-back');
  });

  it('is restored once the restored instance, proven right, is in place', () => {
    const entries = failing()
      .done('BeginSnapshot', 'passed', { record: { restorePoint: 'before-run', at: AT } })
      .passed('Assess');
    entries.fenced().passed('InspectRestore', 'ValidateRestored').cutOver();
    expect(entries.judged()).toEqual({
      status: 'restored',
      reason: "Migrate: Migrate's message; restored to before-run",
      applied: [],
      rolledBack: ['1_a'],
    });
  });

  it('says what is missing where a snapshot had to do', () => {
    const entries = failing().passed('Assess').fenced();
    entries.done('InspectRestore', 'passed', {
      record: { instance: 'x', lost: { from: 'then', to: 'later' } },
    });
    const { reason } = entries.passed('ValidateRestored').cutOver().judged();
    expect(reason).toContain('without what was committed between then and later');
  });

  it.each(['failed', 'indeterminate'] as const)(
    'is held where what was restored is %s: it was not put in place',
    (verdict) => {
      const entries = failing().passed('Assess').fenced().passed('InspectRestore');
      const { status, reason } = entries.done('ValidateRestored', verdict).judged();
      expect(status).toBe('held');
      expect(reason).toContain("was not put in place: ValidateRestored's message; writes are fenced");
    },
  );

  it('is rolled back where a person chose the down scripts behind the fence', () => {
    const entries = failing()
      .passed('Assess')
      .fenced()
      .done('AwaitDecision', 'passed', { route: 'roll-back' });
    expect(entries.passed('RollBack', 'ValidateRolledBack').judged().status).toBe('rolled-back');
  });
});

describe('a run that people must look at', () => {
  const ends: readonly (readonly [string, (entries: Entries) => Entries])[] = [
    ['policy holds', (entries) => entries],
    ['nobody decides', (entries) => entries.entered('AwaitDecision').crashed('Finish', 'States.Timeout')],
    ['a person holds', (entries) => entries.done('AwaitDecision', 'passed', { route: 'hold' })],
    ['the restore fails', (entries) => entries.done('BeginRestore', 'failed')],
    ['the cut-over fails', (entries) => entries.passed('InspectRestore').done('CutOver', 'failed')],
  ];

  it.each(ends)('is held, writes being fenced, where %s', (_, end) => {
    const outcome = end(failing().passed('Assess').fenced()).judged();
    expect(outcome).toMatchObject({ status: 'held', applied: ['1_a'], rolledBack: [] });
    expect(outcome.reason).toContain("Migrate: Migrate's message; writes are fenced");
  });

  it('is held, and says who may still write, where the fence does not hold everybody', () => {
    const fenceProblem = 'writes are fenced, but not those of open sessions that go on: 7 of admin';
    const entries = failing().passed('Assess');
    const { status, reason } = entries
      .done('Degrade', 'passed', { record: { offered: [], fencedAt: AT, fenceProblem } })
      .judged();
    expect(status).toBe('held');
    expect(reason).toContain(`Migrate's message; ${fenceProblem}; return to`);
  });

  it('tells what a way back that broke off had taken back already', () => {
    const entries = migrated().done('Validate', 'failed').passed('Assess');
    entries.done('RollBack', 'failed', { record: { rolledBack: ['2_b'], problem: 'x' } }).fenced();
    expect(entries.judged()).toMatchObject({ status: 'held', applied: ['1_a'], rolledBack: ['2_b'] });
  });

  it('has failed where nothing could be fenced', () => {
    const outcome = failing().passed('Assess').done('Degrade', 'passed').judged();
    expect(outcome).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('could not be established'),
    });
  });

  it('has failed where it crashed while it migrated and so did all after it', () => {
    const entries = ready()
      .entered('Migrate')
      .crashed('Assess', 'ConnectionLost', 'gone')
      .crashed('Degrade', 'ConnectionLost', 'still gone');
    expect(entries.judged()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('ConnectionLost: still gone'),
    });
  });

  it('knows from its parts what a migration applied that crashed', () => {
    const entries = ready().entered('Migrate');
    const part = { type: 'statements', at: AT, startedAt: AT, statements: [], worstBlockingMs: 0 } as const;
    entries.entries.push({ ...part, applied: ['1_a'] }, { ...part, applied: ['1_a', '2_b'] });
    entries.crashed('Assess', 'Lambda.Unknown').fenced();
    expect(entries.judged()).toMatchObject({ status: 'held', applied: ['1_a', '2_b'] });
  });
});

describe('outcomeOf', () => {
  it('claims success for no journal in which one step after Baseline crashed and nothing followed', () => {
    const after = STEP_NAMES.slice(STEP_NAMES.indexOf('Migrate'), STEP_NAMES.indexOf('Finish'));
    for (const step of after) {
      const entries = ready().entered('Migrate').entered(step).crashed('Finish', 'TypeError');
      expect(EXIT_CODES[entries.judged().status]).toBe(5);
    }
  });
});
