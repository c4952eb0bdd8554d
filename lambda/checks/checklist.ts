/** The owner's pre-migration checklist, item by item, each with what proves it. */
import type { ChecklistItem, MaintenanceWindow, PhaseRecords, Policy } from '../domain/run';

export interface ChecklistFacts {
  readonly policy: Policy;
  readonly hasRecovery: boolean;
  readonly snapshot: PhaseRecords['Snapshot'] | undefined;
  readonly rehearsal: PhaseRecords['Rehearse'] | undefined;
  readonly pending: readonly { readonly name: string; readonly hasDownScript: boolean }[];
  readonly now: Date;
}

export function checklist(facts: ChecklistFacts): readonly ChecklistItem[] {
  return [
    backup(facts),
    testedOnCopy(facts),
    rollbackPlan(facts),
    maintenanceWindow(facts),
    monitoring(facts),
  ];
}

function backup({ snapshot, hasRecovery }: ChecklistFacts): ChecklistItem {
  const item = 'Database backup completed';
  if (snapshot) {
    return {
      item,
      verdict: 'done',
      evidence: `restore point ${snapshot.restorePoint} at ${snapshot.at}, WAL archived up to it`,
    };
  }
  return hasRecovery
    ? { item, verdict: 'planned', evidence: 'a restore point is taken before anything is changed' }
    : { item, verdict: 'missing', evidence: 'Godwit cannot take a restore point of this server' };
}

function testedOnCopy({ policy, rehearsal, hasRecovery }: ChecklistFacts): ChecklistItem {
  const item = 'Migration tested on an environment identical to production';
  if (rehearsal) {
    return {
      item,
      verdict: 'done',
      evidence: `rehearsed in ${(rehearsal.durationMs / 1000).toFixed(1)} s on a clone recovered from the restore point, ${rehearsal.statements.length} statements`,
    };
  }
  return policy.rehearse && hasRecovery
    ? { item, verdict: 'planned', evidence: 'rehearsed on a clone of the restore point before approval' }
    : {
        item,
        verdict: 'missing',
        evidence: policy.rehearse
          ? 'no clone can be made of this server'
          : 'the rehearsal was skipped on request',
      };
}

function rollbackPlan({ pending, rehearsal, snapshot, hasRecovery }: ChecklistFacts): ChecklistItem {
  const item = 'Rollback plan documented and tested';
  const scripts = pending.filter((migration) => migration.hasDownScript).length;
  const proven = rehearsal?.downProven.length ?? 0;
  const evidence =
    `${scripts} of ${pending.length} migrations have a down script, ${proven} proven on the clone; ` +
    (snapshot || hasRecovery
      ? 'beyond that, restore to the restore point'
      : 'no restore point to fall back on');
  if (rehearsal && (proven === pending.length || snapshot)) return { item, verdict: 'done', evidence };
  return { item, verdict: hasRecovery ? 'planned' : 'missing', evidence };
}

function maintenanceWindow({ policy, rehearsal, now }: ChecklistFacts): ChecklistItem {
  const item = 'Maintenance window scheduled (if required)';
  const window = policy.maintenanceWindow;
  if (!window) return { item, verdict: 'not-needed', evidence: 'the policy demands none' };
  const label = `${window.from}–${window.to} UTC`;
  if (!rehearsal) {
    return isInside(window, now)
      ? { item, verdict: 'done', evidence: `it is inside ${label}` }
      : { item, verdict: 'missing', evidence: `nothing was measured yet, and it is outside ${label}` };
  }
  const measured = `the rehearsal blocked for ${Math.round(rehearsal.longestBlockingMs)} ms at most, the policy allows ${window.aboveMs} ms`;
  if (rehearsal.longestBlockingMs <= window.aboveMs)
    return { item, verdict: 'not-needed', evidence: measured };
  return isInside(window, now)
    ? { item, verdict: 'done', evidence: `${measured}; it is inside ${label}` }
    : { item, verdict: 'missing', evidence: `${measured}; it is outside ${label}` };
}

function monitoring({ policy }: ChecklistFacts): ChecklistItem {
  return {
    item: 'Monitor dashboard configured for migration metrics',
    verdict: 'done',
    evidence: `waits behind the migration are watched by a session of its own and bounded at ${policy.maxBlockingMs} ms; every step and statement is journaled`,
  };
}

export function isInside(window: MaintenanceWindow, now: Date): boolean {
  const minute = now.getUTCHours() * 60 + now.getUTCMinutes();
  const from = minuteOf(window.from);
  const to = minuteOf(window.to);
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}
