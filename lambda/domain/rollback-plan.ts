/** Chooses the cheapest way back that is safe, purely from facts, and gives its reasons. */

export type Rung = 'nothing-to-undo' | 'down-script' | 'restore' | 'hold';

export interface MigrationOutcomeFact {
  readonly name: string;
  /** `applied`: all of it took effect; `partial`: some statements did; `undone`: nothing remained. */
  readonly effect: 'applied' | 'partial' | 'undone';
  readonly hasDownScript: boolean;
  /** `proven`: brought schema and data back exactly on the clone; `untried`: no rehearsal; `failed`: it did not. */
  readonly downScript: 'proven' | 'untried' | 'failed';
}

export interface RollbackFacts {
  /** In the order in which they were applied; only those that this run touched. */
  readonly migrations: readonly MigrationOutcomeFact[];
  readonly restorePoint: string | undefined;
  /** Whether what is in the database could be established. */
  readonly stateKnown: boolean;
}

export interface RollbackPlan {
  readonly rung: Rung;
  /** To be undone, last applied first. */
  readonly toRollBack: readonly string[];
  /** Every rung with the reason for or against it, cheapest first. */
  readonly considered: readonly { readonly rung: Rung; readonly chosen: boolean; readonly reason: string }[];
}

type Opinion = { readonly possible: boolean; readonly reason: string };

export function planRollback(facts: RollbackFacts): RollbackPlan {
  const touched = facts.migrations.filter((migration) => migration.effect !== 'undone');
  const opinions: readonly (readonly [Rung, Opinion])[] = [
    ['nothing-to-undo', nothingToUndo(facts, touched)],
    ['down-script', downScript(facts, touched)],
    ['restore', restore(facts)],
    ['hold', { possible: true, reason: 'writes are fenced and people decide' }],
  ];
  const chosen = opinions.find(([, opinion]) => opinion.possible)?.[0] ?? 'hold';
  return {
    rung: chosen,
    toRollBack: chosen === 'down-script' ? touched.map((migration) => migration.name).reverse() : [],
    considered: opinions.map(([rung, opinion]) => ({
      rung,
      chosen: rung === chosen,
      reason: opinion.reason,
    })),
  };
}

function nothingToUndo(facts: RollbackFacts, touched: readonly MigrationOutcomeFact[]): Opinion {
  if (!facts.stateKnown) return { possible: false, reason: 'what took effect is not known' };
  return touched.length === 0
    ? { possible: true, reason: 'every transaction of this run was rolled back' }
    : { possible: false, reason: `${namesOf(touched)} took effect` };
}

function downScript(facts: RollbackFacts, touched: readonly MigrationOutcomeFact[]): Opinion {
  if (!facts.stateKnown) return { possible: false, reason: 'what took effect is not known' };
  const without = touched.filter((migration) => !migration.hasDownScript);
  if (without.length > 0) return { possible: false, reason: `no down.sql for ${namesOf(without)}` };
  const failed = touched.filter((migration) => migration.downScript === 'failed');
  if (failed.length > 0) {
    return {
      possible: false,
      reason: `the down script did not bring everything back on the clone: ${namesOf(failed)}`,
    };
  }
  // A rehearsal proves the way back from the whole migration only, not from some of its statements.
  const untried = touched.filter(
    (migration) => migration.downScript === 'untried' || migration.effect === 'partial',
  );
  return {
    possible: true,
    reason:
      untried.length === 0
        ? 'the down scripts brought schema and data back exactly on the clone'
        : `down scripts exist; not rehearsed for ${namesOf(untried)}, the result is validated all the same`,
  };
}

function restore(facts: RollbackFacts): Opinion {
  return facts.restorePoint === undefined
    ? { possible: false, reason: 'there is no restore point' }
    : { possible: true, reason: `restore point ${facts.restorePoint}; what was written since is lost` };
}

const namesOf = (migrations: readonly MigrationOutcomeFact[]): string =>
  migrations.map((migration) => migration.name).join(', ');
