import { type ChecklistFacts, checklist, isInside } from '../../lambda/checks/checklist';
import {
  DEFAULT_POLICY,
  type MaintenanceWindow,
  type PhaseRecords,
  type Policy,
} from '../../lambda/domain/run';

const NOON = new Date('2026-01-31T12:00:00Z');
const NIGHT: MaintenanceWindow = { aboveMs: 50, from: '22:00', to: '04:00' };

const snapshot: PhaseRecords['Snapshot'] = { restorePoint: 'before-run', at: '2026-01-31T11:59:00.000Z' };
const rehearsal = (more: Partial<PhaseRecords['Rehearse']> = {}): PhaseRecords['Rehearse'] => ({
  durationMs: 1234,
  statements: [],
  findings: [],
  downProven: [],
  longestBlockingMs: 20,
  invariants: [],
  ...more,
});

const ITEMS = ['backup', 'tested', 'rollback', 'window', 'monitoring'] as const;

function item(
  which: (typeof ITEMS)[number],
  more: Partial<Omit<ChecklistFacts, 'policy'>> & { policy?: Partial<Policy> } = {},
) {
  const facts: ChecklistFacts = {
    hasRecovery: true,
    snapshot: undefined,
    rehearsal: undefined,
    pending: [{ name: '1_a', hasDownScript: true }],
    now: NOON,
    ...more,
    policy: { ...DEFAULT_POLICY, ...more.policy },
  };
  return checklist(facts)[ITEMS.indexOf(which)];
}

describe('the checklist', () => {
  it('holds the five items of the strategy in order', () => {
    const items = checklist({
      policy: DEFAULT_POLICY,
      hasRecovery: true,
      snapshot,
      rehearsal: rehearsal(),
      pending: [],
      now: NOON,
    });
    expect(items.map((each) => each.item)).toEqual([
      'Database backup completed',
      'Migration tested on an environment identical to production',
      'Rollback plan documented and tested',
      'Maintenance window scheduled (if required)',
      'Monitor dashboard configured for migration metrics',
    ]);
  });

  it('has the backup once the restore point is taken, and lacks it where none can be', () => {
    expect(item('backup', { snapshot })).toMatchObject({
      verdict: 'done',
      evidence: 'restore point before-run at 2026-01-31T11:59:00.000Z, WAL archived up to it',
    });
    expect(item('backup')?.verdict).toBe('planned');
    expect(item('backup', { hasRecovery: false })).toMatchObject({ verdict: 'missing' });
  });

  it('has tried the migration once it is rehearsed, and lacks that where nobody will or can', () => {
    expect(item('tested', { rehearsal: rehearsal() })).toMatchObject({
      verdict: 'done',
      evidence: 'rehearsed in 1.2 s on a clone recovered from the restore point, 0 statements',
    });
    expect(item('tested')?.verdict).toBe('planned');
    expect(item('tested', { hasRecovery: false })).toMatchObject({
      verdict: 'missing',
      evidence: 'no clone can be made of this server',
    });
    expect(item('tested', { policy: { rehearse: false } })).toMatchObject({
      verdict: 'missing',
      evidence: 'the rehearsal was skipped on request',
    });
  });

  it('has a way back once it is proven on the clone or a restore point is there to fall back on', () => {
    const pending = [
      { name: '1_a', hasDownScript: true },
      { name: '2_b', hasDownScript: false },
    ];
    expect(
      item('rollback', { pending, rehearsal: rehearsal({ downProven: ['1_a'] }), snapshot }),
    ).toMatchObject({
      verdict: 'done',
      evidence:
        '1 of 2 migrations have a down script, 1 proven on the clone; beyond that, restore to the restore point',
    });
    expect(item('rollback', { rehearsal: rehearsal({ downProven: ['1_a'] }) })?.verdict).toBe('done');
    expect(item('rollback', { pending, rehearsal: rehearsal({ downProven: ['1_a'] }) })?.verdict).toBe(
      'planned',
    );
    expect(item('rollback')?.verdict).toBe('planned');
    expect(item('rollback', { hasRecovery: false })).toMatchObject({
      verdict: 'missing',
      evidence:
        '1 of 1 migrations have a down script, 0 proven on the clone; no restore point to fall back on',
    });
  });

  it('needs no window where the policy demands none, or the rehearsal blocked for no longer than allowed', () => {
    expect(item('window')?.verdict).toBe('not-needed');
    const allowed = rehearsal({ longestBlockingMs: 50 });
    expect(item('window', { policy: { maintenanceWindow: NIGHT }, rehearsal: allowed })).toMatchObject({
      verdict: 'not-needed',
      evidence: 'the rehearsal blocked for 50 ms at most, the policy allows 50 ms',
    });
  });

  it('asks for the window where the rehearsal blocked for longer, or nothing was measured', () => {
    const policy = { maintenanceWindow: NIGHT };
    const night = new Date('2026-01-31T23:00:00Z');
    for (const measured of [rehearsal({ longestBlockingMs: 51 }), undefined]) {
      const outside = item('window', { policy, rehearsal: measured });
      expect(outside?.verdict).toBe('missing');
      expect(outside?.evidence).toMatch(/it is outside 22:00–04:00 UTC$/);
      const inside = item('window', { policy, rehearsal: measured, now: night });
      expect(inside?.verdict).toBe('done');
      expect(inside?.evidence).toMatch(/it is inside 22:00–04:00 UTC$/);
    }
  });

  it('tells by how much blocking is bounded', () => {
    expect(item('monitoring', { policy: { maxBlockingMs: 77 } })).toMatchObject({
      verdict: 'done',
      evidence: expect.stringContaining('77 ms'),
    });
  });
});

describe('a maintenance window', () => {
  const inside = (from: string, to: string, time: string) =>
    isInside({ aboveMs: 0, from, to }, new Date(`2026-01-31T${time}Z`));

  it('begins with its first minute and ends before its last', () => {
    expect(inside('09:30', '17:00', '09:29:59.999')).toBe(false);
    expect(inside('09:30', '17:00', '09:30:00')).toBe(true);
    expect(inside('09:30', '17:00', '16:59:59.999')).toBe(true);
    expect(inside('09:30', '17:00', '17:00:00')).toBe(false);
  });

  it('may span midnight', () => {
    expect(inside('22:00', '04:00', '21:59:59')).toBe(false);
    expect(inside('22:00', '04:00', '22:00:00')).toBe(true);
    expect(inside('22:00', '04:00', '00:00:00')).toBe(true);
    expect(inside('22:00', '04:00', '03:59:59')).toBe(true);
    expect(inside('22:00', '04:00', '04:00:00')).toBe(false);
    expect(inside('22:00', '04:00', '12:00:00')).toBe(false);
  });

  it('may last from or until midnight', () => {
    expect(inside('00:00', '06:00', '00:00:00')).toBe(true);
    expect(inside('18:00', '24:00', '23:59:59')).toBe(true);
    expect(inside('18:00', '00:00', '23:59:59')).toBe(true);
    expect(inside('18:00', '00:00', '00:00:00')).toBe(false);
  });

  it('is in UTC, wherever the machine stands', () => {
    const local = jest.spyOn(Date.prototype, 'getHours').mockReturnValue(12);
    expect(inside('02:00', '03:00', '02:30:00')).toBe(true);
    local.mockRestore();
  });
});
