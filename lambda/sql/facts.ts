/** What Godwit knows of a statement before running it: one table of Postgres facts by statement kind. */
import type { DefElem } from 'libpg-query';
import { backfillOf, backfillProblem } from './backfill';
import { functionsIn } from './effects/names';
import { lossOf } from './losses';
import { nameParts } from './names';
import type { Node, ParsedScript, SqlStatement } from './parse';
import { mentions } from './search';
import { summaryOf } from './summary';

export interface StatementFacts {
  /** `unknown`: it runs code that may commit by itself (DO, CALL), which Postgres refuses inside a transaction. */
  readonly canRunInTransaction: 'yes' | 'no' | 'unknown';
  /**
   * Whether a short `lock_timeout` suits it. Not CONCURRENTLY, whose waits for old transactions count and whose
   * interruption leaves an invalid index behind; not VALIDATE, whose lock blocks no reader or writer.
   */
  readonly mayBeCutShort: boolean;
  /** What data it loses, in words. */
  readonly destructive: string | undefined;
  /** Why it cannot be part of a migration at all. */
  readonly problem: string | undefined;
  readonly summary: string;
}

export function factsOf(statement: SqlStatement): StatementFacts {
  const { node } = statement;
  return {
    canRunInTransaction: transactionality(node),
    mayBeCutShort: !isConcurrent(node) && !onlyValidates(node),
    destructive: lossOf(node),
    problem: problemOf(statement),
    summary: summaryOf(statement),
  };
}

export interface ScriptProblem {
  /** From 1; 0 for the script as a whole. */
  readonly statement: number;
  readonly line: number;
  readonly problem: string;
}

/** Why the script cannot be executed as a migration; empty when it can. */
export function problemsOf(script: ParsedScript): ScriptProblem[] {
  if (script.statements.length === 0) {
    return [{ statement: 0, line: 1, problem: 'The file holds no statement.' }];
  }
  return script.statements.flatMap((statement, index) => {
    const problem = problemOf(statement);
    return problem === undefined ? [] : [{ statement: index + 1, line: statement.line, problem }];
  });
}

export interface ScriptPlan {
  /** `atomic`: one transaction, ledger row included. `stepwise`: a journal row per statement. */
  readonly mode: 'atomic' | 'stepwise';
  readonly reason: string;
}

export function planOf(script: ParsedScript): ScriptPlan {
  const directive = script.directives.find(({ name }) => name === 'stepwise');
  if (directive !== undefined) return { mode: 'stepwise', reason: directive.reason };
  for (const [index, statement] of script.statements.entries()) {
    if (backfillOf(statement) !== undefined) {
      return {
        mode: 'stepwise',
        reason: `${summaryOf(statement)} (line ${statement.line}) is a backfill, which commits batch by batch`,
      };
    }
    if (transactionality(statement.node) === 'no') {
      return {
        mode: 'stepwise',
        reason: `${summaryOf(statement)} (line ${statement.line}) cannot run in a transaction`,
      };
    }
    const value = addedEnumValue(statement.node);
    const user = script.statements
      .slice(index + 1)
      .find(({ node }) => value !== undefined && mentions(node, value));
    if (user !== undefined) {
      return {
        mode: 'stepwise',
        reason: `the enum value '${value}' is used on line ${user.line}, and Postgres allows that only after it is committed`,
      };
    }
  }
  return { mode: 'atomic', reason: 'every statement can run in one transaction' };
}

/** Statement kinds that Postgres refuses inside a transaction block (25001), or runs with an outcome of their own. */
const TRANSACTIONALITY: Readonly<Record<string, (node: Node) => 'yes' | 'no' | 'unknown'>> = {
  IndexStmt: notWhen(isConcurrent),
  DropStmt: notWhen(isConcurrent),
  AlterTableStmt: notWhen(isConcurrent),
  // Of several relations, each is rebuilt in a transaction of its own.
  ReindexStmt: notWhen((node) => isConcurrent(node) || reindexesMany(node)),
  VacuumStmt: notWhen((node) => 'VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd === true),
  ClusterStmt: notWhen((node) => 'ClusterStmt' in node && node.ClusterStmt.relation === undefined),
  CreatedbStmt: () => 'no',
  DropdbStmt: () => 'no',
  AlterDatabaseStmt: notWhen(
    (node) => 'AlterDatabaseStmt' in node && hasOption(node.AlterDatabaseStmt.options, 'tablespace'),
  ),
  AlterSystemStmt: () => 'no',
  CreateTableSpaceStmt: () => 'no',
  DropTableSpaceStmt: () => 'no',
  CreateSubscriptionStmt: notWhen(createsSlot),
  // Whether the subscription still has a slot is in the catalog, not in the statement.
  DropSubscriptionStmt: () => 'no',
  AlterSubscriptionStmt: notWhen(refreshesSubscription),
  DoStmt: () => 'unknown',
  CallStmt: () => 'unknown',
};

function transactionality(node: Node): 'yes' | 'no' | 'unknown' {
  return TRANSACTIONALITY[Object.keys(node)[0] ?? '']?.(node) ?? 'yes';
}

function notWhen(cannot: (node: Node) => boolean): (node: Node) => 'yes' | 'no' {
  return (node) => (cannot(node) ? 'no' : 'yes');
}

export function isConcurrent(node: Node): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true;
  if ('DropStmt' in node) return node.DropStmt.concurrent === true;
  if ('ReindexStmt' in node) return hasOption(node.ReindexStmt.params, 'concurrently');
  if ('AlterTableStmt' in node) {
    return (node.AlterTableStmt.cmds ?? []).some(
      (cmd) =>
        'AlterTableCmd' in cmd &&
        cmd.AlterTableCmd.def !== undefined &&
        'PartitionCmd' in cmd.AlterTableCmd.def &&
        cmd.AlterTableCmd.def.PartitionCmd.concurrent === true,
    );
  }
  return false;
}

function onlyValidates(node: Node): boolean {
  if (!('AlterTableStmt' in node)) return false;
  return (node.AlterTableStmt.cmds ?? []).every(
    (cmd) => 'AlterTableCmd' in cmd && cmd.AlterTableCmd.subtype === 'AT_ValidateConstraint',
  );
}

function reindexesMany(node: Node): boolean {
  if (!('ReindexStmt' in node)) return false;
  const { kind } = node.ReindexStmt;
  return kind !== 'REINDEX_OBJECT_INDEX' && kind !== 'REINDEX_OBJECT_TABLE';
}

function createsSlot(node: Node): boolean {
  if (!('CreateSubscriptionStmt' in node)) return false;
  const { options } = node.CreateSubscriptionStmt;
  // `connect = false` implies `create_slot = false`.
  return !isSwitchedOff(options, 'create_slot') && !isSwitchedOff(options, 'connect');
}

function refreshesSubscription(node: Node): boolean {
  if (!('AlterSubscriptionStmt' in node)) return false;
  const { kind, options } = node.AlterSubscriptionStmt;
  if (kind === 'ALTER_SUBSCRIPTION_REFRESH') return true;
  const changesPublications = kind?.endsWith('_PUBLICATION') === true;
  return changesPublications && !isSwitchedOff(options, 'refresh');
}

function optionNamed(options: readonly Node[] | undefined, name: string): DefElem | undefined {
  return (options ?? [])
    .flatMap((option) => ('DefElem' in option ? [option.DefElem] : []))
    .find(({ defname }) => defname === name);
}

const hasOption = (options: readonly Node[] | undefined, name: string): boolean =>
  optionNamed(options, name) !== undefined && !isSwitchedOff(options, name);

function isSwitchedOff(options: readonly Node[] | undefined, name: string): boolean {
  const value = optionNamed(options, name)?.arg;
  if (value === undefined) return false;
  if ('Boolean' in value) return value.Boolean.boolval !== true;
  if ('Integer' in value) return (value.Integer.ival ?? 0) === 0;
  // `off`, no keyword to the grammar, arrives as the name of a type.
  return ['false', 'off', '0'].includes((nameParts(value).at(-1) ?? '').toLowerCase());
}

/** The value that `ALTER TYPE … ADD VALUE` adds. */
function addedEnumValue(node: Node): string | undefined {
  if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal !== undefined) return undefined;
  return node.AlterEnumStmt.newVal;
}

const problemOf = (statement: SqlStatement): string | undefined =>
  outOfHand(statement.node) ?? backfillProblem(statement);

/** Statements that would take the transaction, the session or its locks out of the executor's hands. */
function outOfHand(node: Node): string | undefined {
  if ('TransactionStmt' in node) {
    return (
      'It controls the transaction by itself, and so Godwit could not roll the file back as a whole. ' +
      'Remove it: Godwit puts the file in one transaction wherever its statements allow that.'
    );
  }
  if ('CopyStmt' in node && node.CopyStmt.filename === undefined && node.CopyStmt.is_program !== true) {
    return 'It needs a client that sends or takes rows beside the SQL. Write the rows as INSERT statements.';
  }
  if ('DiscardStmt' in node && (node.DiscardStmt.target ?? 'DISCARD_ALL') === 'DISCARD_ALL') {
    return 'It would release the lock that keeps other executors out. Use DISCARD PLANS, TEMP or SEQUENCES, or RESET ALL.';
  }
  if (functionsIn(node).some(({ name }) => name === 'pg_advisory_unlock_all')) {
    return 'It would release the lock that keeps other executors out. Release your own by pg_advisory_unlock.';
  }
  return undefined;
}
