/** The plans of watched queries as plain EXPLAIN tells them, and where a migration made one worse. Nothing is executed. */
import { GodwitError, messageOf } from '../domain/errors';
import type { InvariantFile } from '../domain/migration';
import type { PlanChange } from '../domain/rehearsal';
import { type Session, StatementFailed } from '../ports/database';
import { quotedName, shownName } from '../sql/names';
import { parseScript } from '../sql/parse';
import { some } from '../sql/search';

/** Planning may run code: functions that claim to be immutable. */
export const PLANNING = {
  applicationName: 'godwit plans',
  readOnly: true,
  statementTimeoutMs: 10_000,
} as const;

export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Total Cost': number;
  readonly 'Relation Name'?: string;
  readonly Schema?: string;
  readonly Alias?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

export type WatchedPlan =
  | { readonly file: string; readonly plan: PlanNode }
  | { readonly file: string; readonly problem: string };

export async function explainWatched(
  session: Session,
  queries: readonly InvariantFile[],
): Promise<readonly WatchedPlan[]> {
  const plans: WatchedPlan[] = [];
  for (const query of queries) plans.push(await explain(session, query));
  return plans;
}

async function explain(session: Session, { file, sql }: InvariantFile): Promise<WatchedPlan> {
  try {
    const [statement, another] = (await parseScript(sql)).statements;
    if (statement === undefined || another !== undefined) {
      return { file, problem: 'a watched query is one statement' };
    }
    // Never ANALYZE, which would execute it. VERBOSE names the schemas.
    const parameters = hasParameters(statement.node) ? ', GENERIC_PLAN' : '';
    const { rows } = await session.query<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
      `EXPLAIN (FORMAT JSON, VERBOSE${parameters}) ${statement.sql}`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
    return plan === undefined ? { file, problem: 'the server tells no plan' } : { file, plan };
  } catch (error) {
    if (!(error instanceof GodwitError) || !isAboutQuery(error)) throw error;
    return { file, problem: messageOf(error) };
  }
}

const isAboutQuery = (error: GodwitError): boolean => error instanceof StatementFailed || 'line' in error;

const hasParameters = (tree: unknown): boolean => some(tree, (node) => 'ParamRef' in node);

/** Less than that is nothing to speak of, however many times it was before: the time of a few hundred pages. */
const LEAST_COST = 500;

export function comparePlans(
  before: readonly WatchedPlan[],
  after: readonly WatchedPlan[],
  { planCost }: { readonly planCost: number },
): readonly PlanChange[] {
  return before.map((one) => {
    const other = after.find(({ file }) => file === one.file);
    return other === undefined
      ? { file: one.file, verdict: 'unclear', reason: 'it was not looked at again' }
      : compare(one, other, planCost);
  });
}

function compare(before: WatchedPlan, after: WatchedPlan, planCost: number): PlanChange {
  const { file } = before;
  if ('problem' in before) return { file, verdict: 'unclear', reason: `before: ${before.problem}` };
  if ('problem' in after) return { file, verdict: 'fails', reason: after.problem };
  const costs = { costBefore: before.plan['Total Cost'], costAfter: after.plan['Total Cost'] };
  const [less, more] = [Math.min(...Object.values(costs)), Math.max(...Object.values(costs))];
  const hasChanged = more > less * planCost && more - less > LEAST_COST;
  if (!hasChanged) return { file, verdict: 'same', ...costs, reason: 'it costs as much as before' };
  const isWorse = costs.costAfter > costs.costBefore;
  return {
    file,
    verdict: isWorse ? 'worse' : 'better',
    ...costs,
    reason: causeOf(before.plan, after.plan),
    tables: tablesIn(after.plan),
  };
}

/** A plan that is worse only until statistics are gathered, as after a change of type. */
export function withStatistics(
  changes: readonly PlanChange[],
  later: readonly PlanChange[],
): readonly PlanChange[] {
  return changes.map((change) => {
    const isMended = later.some(({ file, verdict }) => file === change.file && verdict !== 'worse');
    return change.verdict === 'worse' && isMended ? { ...change, verdict: 'worse-until-analyze' } : change;
  });
}

/** The table that is read otherwise and costs more for it; failing that, the node that costs the most more by itself. */
function causeOf(before: PlanNode, after: PlanNode): string {
  const [old, now] = [nodesOf(before), nodesOf(after)];
  const grown = now
    .map((node) => {
      const former = old.find((one) => place(one) === place(node));
      return { node, former, by: ownCost(node) - (former === undefined ? 0 : ownCost(former)) };
    })
    .sort((one, other) => Math.abs(other.by) - Math.abs(one.by));
  const isReadOtherwise = ({ node, former }: (typeof grown)[number]): boolean =>
    node['Relation Name'] !== undefined && former !== undefined && accessOf(node) !== accessOf(former);
  const cause = grown.find((one) => isReadOtherwise(one)) ?? grown[0];
  if (cause === undefined) return 'its plan is another';
  const { node, former } = cause;
  return former === undefined ? told(node) : `${told(node)}, before ${told(former)}`;
}

/** What it reads; nodes that read nothing are known by their kind. */
const place = (node: PlanNode): string =>
  node['Relation Name'] === undefined
    ? node['Node Type']
    : JSON.stringify([node.Schema, node['Relation Name'], node.Alias]);

const accessOf = (node: PlanNode): string => JSON.stringify([node['Node Type'], node['Index Name']]);

const told = (node: PlanNode): string => {
  const relation = node['Relation Name'];
  const on = relation === undefined ? '' : ` on ${shownName({ schema: undefined, name: relation })}`;
  const index = node['Index Name'];
  const using = index === undefined ? '' : ` using ${shownName({ schema: undefined, name: index })}`;
  return `${node['Node Type']}${using}${on} (cost ${Math.round(node['Total Cost'])})`;
};

const nodesOf = (node: PlanNode): readonly PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

const ownCost = (node: PlanNode): number =>
  Math.max(0, node['Total Cost'] - (node.Plans ?? []).reduce((sum, child) => sum + child['Total Cost'], 0));

const tablesIn = (plan: PlanNode): readonly string[] => [
  ...new Set(
    nodesOf(plan).flatMap((node) =>
      node['Relation Name'] === undefined
        ? []
        : [quotedName({ schema: node.Schema, name: node['Relation Name'] })],
    ),
  ),
];
