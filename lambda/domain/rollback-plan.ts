/** Chooses the cheapest way back that is safe, purely from facts, and gives its reasons. */
import type { ApprovalMode } from './run';

export type Rung = 'nothing-to-undo' | 'down-script' | 'restore' | 'hold';

/** What a person may choose between, beside leaving writes fenced. */
export type OfferedRung = Extract<Rung, 'down-script' | 'restore'>;

/** `never`: that way back is not taken, and nobody is asked about it. */
export type WayBackPolicy = Readonly<Record<OfferedRung, ApprovalMode>>;

export interface MigrationOutcomeFact {
  readonly name: string;
  /** `applied`: all of it took effect; `partial`: some statements did; `undone`: nothing remained. */
  readonly effect: 'applied' | 'partial' | 'undone';
  readonly hasDownScript: boolean;
  /** `proven`: brought schema and data back exactly on the clone; `untried`: no rehearsal; `failed`: it did not. */
  readonly downScript: 'proven' | 'untried' | 'failed';
  /** Its statements, or its down script's, change or take away what was there before it, or may: nobody can tell. */
  readonly mayHarmFormerData: boolean;
  /** Where its down script loses what was written since, with what has been written there in production. */
  readonly writesAtRisk: readonly WritesAtRisk[];
}

export interface WritesAtRisk {
  /** Column or table, for people. */
  readonly place: string;
  /** At most so many rows; `undefined` where they could not be counted. */
  readonly rows: number | undefined;
}

export interface RollbackFacts {
  /** In the order in which they were applied; only those that this run touched. */
  readonly migrations: readonly MigrationOutcomeFact[];
  readonly restorePoint: string | undefined;
  /** Whether what is in the database could be established. */
  readonly stateKnown: boolean;
  readonly policy: WayBackPolicy;
}

export interface RollbackPlan {
  readonly rung: Rung;
  /** Whether a person decides before the rung is taken. */
  readonly approval: 'not-needed' | 'needed';
  /** To be undone by down scripts, last applied first: where that is the rung, or one that a person may choose. */
  readonly toRollBack: readonly string[];
  /** Cheapest first. */
  readonly offered: readonly OfferedRung[];
  /** Every rung with the reason for or against it, cheapest first. */
  readonly considered: readonly ConsideredRung[];
}

export interface ConsideredRung {
  readonly rung: Rung;
  readonly chosen: boolean;
  readonly reason: string;
}

type Opinion =
  | { readonly possible: false; readonly reason: string }
  | { readonly possible: true; readonly asks: boolean; readonly reason: string };

export function planRollback(facts: RollbackFacts): RollbackPlan {
  const touched = facts.migrations.filter((migration) => migration.effect !== 'undone');
  const opinions: readonly (readonly [Rung, Opinion])[] = [
    ['nothing-to-undo', nothingToUndo(facts, touched)],
    ['down-script', downScript(facts, touched)],
    ['restore', restore(facts)],
    ['hold', { possible: true, asks: false, reason: 'writes are fenced and people decide' }],
  ];
  const possible = opinions.filter(([, opinion]) => opinion.possible);
  const [chosen, opinion] = possible[0] ?? ['hold', undefined];
  const asks = opinion?.possible === true && opinion.asks;
  const offered = asks ? possible.map(([rung]) => rung).filter(isOffered) : [];
  return {
    rung: chosen,
    approval: asks ? 'needed' : 'not-needed',
    toRollBack:
      chosen === 'down-script' || offered.includes('down-script')
        ? touched.map((migration) => migration.name).reverse()
        : [],
    offered,
    considered: opinions.map(([rung, { reason }]) => ({ rung, chosen: rung === chosen, reason })),
  };
}

const isOffered = (rung: Rung): rung is OfferedRung => rung === 'down-script' || rung === 'restore';

/**
 * Behind the fence, once the down scripts were tried in vain or nobody could assess anything: only the restore is left.
 */
export function planBehindFence({
  restorePoint,
  policy,
}: Pick<RollbackFacts, 'restorePoint' | 'policy'>): Pick<RollbackPlan, 'rung' | 'approval' | 'offered'> {
  const opinion = restore({ restorePoint, policy });
  if (!opinion.possible) return { rung: 'hold', approval: 'not-needed', offered: [] };
  return opinion.asks
    ? { rung: 'restore', approval: 'needed', offered: ['restore'] }
    : { rung: 'restore', approval: 'not-needed', offered: [] };
}

function nothingToUndo(facts: RollbackFacts, touched: readonly MigrationOutcomeFact[]): Opinion {
  if (!facts.stateKnown) return { possible: false, reason: 'what took effect is not known' };
  return touched.length === 0
    ? { possible: true, asks: false, reason: 'every transaction of this run was rolled back' }
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
  // To undo what was never done: a second letter is cut off, an amount halved once too often.
  const halfDone = touched.filter(
    (migration) => migration.effect === 'partial' && migration.mayHarmFormerData,
  );
  if (halfDone.length > 0) {
    return {
      possible: false,
      reason: `${namesOf(halfDone)} took effect in part, and its down script undoes the whole of it in data that was there before`,
    };
  }
  const { policy } = facts;
  if (policy['down-script'] === 'never') return { possible: false, reason: 'policy takes no down scripts' };
  // A rehearsal proves the way back from the whole migration only, not from some of its statements.
  const untried = touched.filter(
    (migration) => migration.downScript === 'untried' || migration.effect === 'partial',
  );
  const reason =
    untried.length === 0
      ? 'the down scripts brought schema and data back exactly on the clone'
      : `down scripts exist; not proven on a clone for ${namesOf(untried)}, the result is validated all the same`;
  const risks = risksOf(touched, untried);
  if (risks.length === 0) return { possible: true, asks: policy['down-script'] === 'ask', reason };
  // To lose data asks for the same approval, whichever way loses it.
  if (policy.restore === 'never') {
    return { possible: false, reason: `policy lets no data be lost, and they ${risks.join('; they ')}` };
  }
  const asks = policy.restore === 'ask' || policy['down-script'] === 'ask';
  return { possible: true, asks, reason: `${reason}; they ${risks.join('; they ')}` };
}

/** What the down scripts do to data, or may do. */
function risksOf(
  touched: readonly MigrationOutcomeFact[],
  untried: readonly MigrationOutcomeFact[],
): readonly string[] {
  const lost = touched.flatMap(({ writesAtRisk }) => writesAtRisk).filter(({ rows }) => rows !== 0);
  const harmful = untried.filter((migration) => migration.mayHarmFormerData);
  return [
    ...(lost.length === 0 ? [] : [`lose ${lossesOf(lost)}`]),
    ...(harmful.length === 0
      ? []
      : [`may not bring back all data that was there before (${namesOf(harmful)})`]),
  ];
}

function restore({ restorePoint, policy }: Pick<RollbackFacts, 'restorePoint' | 'policy'>): Opinion {
  if (restorePoint === undefined) return { possible: false, reason: 'there is no restore point' };
  if (policy.restore === 'never') return { possible: false, reason: 'policy grants no restore' };
  return {
    possible: true,
    asks: policy.restore === 'ask',
    reason: `restore point ${restorePoint}; what was written since is lost`,
  };
}

const namesOf = (migrations: readonly MigrationOutcomeFact[]): string =>
  migrations.map((migration) => migration.name).join(', ');

const lossesOf = (lost: readonly WritesAtRisk[]): string =>
  lost
    .map(
      ({ place, rows }) => `${rows === undefined ? 'an unknown number of' : `up to ${rows}`} rows' ${place}`,
    )
    .join(', ');
