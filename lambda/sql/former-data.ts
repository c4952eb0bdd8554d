/** Tells from statements alone whether going back could harm rows and columns that were there before the migration. */
import type { AlterTableCmd, CreateStmt } from 'libpg-query';
import { isHarmless } from './data-untouched';
import { lossOf } from './losses';
import { nameParts, type QualifiedName, qualifiedName, rangeName } from './names';
import type { Node, SqlStatement } from './parse';
import { runsHiddenCode } from './tables-written';

/**
 * Where neither script does, a down script that nobody tried takes away what the migration made, or fails. What functions
 * and DO blocks do is not seen: they count as harm.
 */
export function mayHarmFormerData({
  up,
  down,
}: {
  readonly up: readonly SqlStatement[];
  readonly down: readonly SqlStatement[];
}): boolean {
  const made = new Made(up);
  const isChanged = up.some(({ node }) => mayChange(node) && !made.isOnlyAbout(node));
  return isChanged || !down.every(({ node }) => isHarmless(node, new Set()) || made.isOnlyAbout(node));
}

const mayChange = (node: Node): boolean =>
  lossOf(node) !== undefined ||
  runsHiddenCode(node) ||
  'UpdateStmt' in node ||
  ('InsertStmt' in node && node.InsertStmt.onConflictClause?.action === 'ONCONFLICT_UPDATE');

/** Tables, other objects and columns that a script makes. */
class Made {
  readonly #objects = new Set<string>();
  readonly #columns = new Set<string>();

  constructor(statements: readonly SqlStatement[]) {
    for (const { node } of statements) {
      for (const name of objectsMadeBy(node)) this.#objects.add(keyOf(name));
      const table = tableOf(node);
      for (const { subtype, def } of commandsOf(node)) {
        if (subtype !== 'AT_AddColumn' || def === undefined || !('ColumnDef' in def)) continue;
        this.#columns.add(columnKey(table, def.ColumnDef.colname));
      }
    }
  }

  /** It drops, or changes, nothing but what was made. */
  isOnlyAbout(node: Node): boolean {
    if ('DropStmt' in node) {
      const { objects = [], behavior } = node.DropStmt;
      return (
        behavior !== 'DROP_CASCADE' &&
        objects.every((object) => this.#objects.has(keyOf(qualifiedName(nameParts(object)))))
      );
    }
    if ('UpdateStmt' in node) {
      const { relation, targetList = [], withClause } = node.UpdateStmt;
      const table = rangeName(relation);
      if (withClause !== undefined) return false;
      if (this.#objects.has(keyOf(table))) return true;
      return targetList.every(
        (target) => 'ResTarget' in target && this.#columns.has(columnKey(table, target.ResTarget.name)),
      );
    }
    if (!('AlterTableStmt' in node)) return false;
    const table = tableOf(node);
    if (this.#objects.has(keyOf(table))) return true;
    return commandsOf(node).every(
      ({ subtype, name, behavior }) =>
        subtype === 'AT_DropColumn' &&
        behavior !== 'DROP_CASCADE' &&
        this.#columns.has(columnKey(table, name)),
    );
  }
}

function objectsMadeBy(node: Node): readonly QualifiedName[] {
  if ('CreateStmt' in node) return ifNew(node.CreateStmt);
  if ('CreateTableAsStmt' in node) {
    const { into, if_not_exists } = node.CreateTableAsStmt;
    return if_not_exists === true ? [] : [rangeName(into?.rel)];
  }
  if ('ViewStmt' in node) return node.ViewStmt.replace === true ? [] : [rangeName(node.ViewStmt.view)];
  if ('CreateSeqStmt' in node) {
    return node.CreateSeqStmt.if_not_exists === true ? [] : [rangeName(node.CreateSeqStmt.sequence)];
  }
  if ('CreateEnumStmt' in node) return [named(node.CreateEnumStmt.typeName)];
  if ('CreateDomainStmt' in node) return [named(node.CreateDomainStmt.domainname)];
  if ('CompositeTypeStmt' in node) return [rangeName(node.CompositeTypeStmt.typevar)];
  if ('CreateFunctionStmt' in node) {
    return node.CreateFunctionStmt.replace === true ? [] : [named(node.CreateFunctionStmt.funcname)];
  }
  return [];
}

const ifNew = ({ relation, if_not_exists }: CreateStmt): readonly QualifiedName[] =>
  if_not_exists === true ? [] : [rangeName(relation)];

const named = (parts: readonly Node[] | undefined): QualifiedName =>
  qualifiedName((parts ?? []).flatMap(nameParts));

const tableOf = (node: Node): QualifiedName =>
  rangeName('AlterTableStmt' in node ? node.AlterTableStmt.relation : undefined);

const commandsOf = (node: Node): readonly AlterTableCmd[] =>
  'AlterTableStmt' in node
    ? (node.AlterTableStmt.cmds ?? []).flatMap((command) =>
        'AlterTableCmd' in command ? [command.AlterTableCmd] : [],
      )
    : [];

/** Prisma writes the schema here and leaves it out there. */
const keyOf = ({ schema = 'public', name }: QualifiedName): string => JSON.stringify([schema, name]);

const columnKey = (table: QualifiedName, column = ''): string => `${keyOf(table)}.${column}`;
