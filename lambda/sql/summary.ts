/** Names a statement in one line, as a person would: `ALTER TABLE "Wallet" ADD CONSTRAINT wallet_address_format`. */
import type { AlterTableCmd, AlterTableStmt, DropStmt, IndexStmt } from 'libpg-query';
import { nameParts, rangeName, shown, shownName, shownParts } from './names';
import type { Node, SqlStatement } from './parse';

export function summaryOf(statement: SqlStatement): string {
  return shorten(composed(statement.node) ?? statement.sql, 120);
}

/** The text on one line, cut where it is too long. */
export function shorten(text: string, limit: number): string {
  const spaced = '\n\r\t'.split('').reduce((line, space) => line.replaceAll(space, ' '), text);
  const words = spaced.split(' ').filter((word) => word !== '');
  const line = words.join(' ');
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

function composed(node: Node): string | undefined {
  if ('AlterTableStmt' in node) return ofAlterTable(node.AlterTableStmt);
  if ('IndexStmt' in node) return ofIndex(node.IndexStmt);
  if ('DropStmt' in node) return ofDrop(node.DropStmt);
  if ('CreateStmt' in node) return `CREATE TABLE ${shownName(rangeName(node.CreateStmt.relation))}`;
  if ('CreateTableAsStmt' in node) {
    const object = node.CreateTableAsStmt.objtype === 'OBJECT_MATVIEW' ? 'MATERIALIZED VIEW' : 'TABLE';
    return `CREATE ${object} ${shownName(rangeName(node.CreateTableAsStmt.into?.rel))} AS`;
  }
  if ('ViewStmt' in node) return `CREATE VIEW ${shownName(rangeName(node.ViewStmt.view))}`;
  if ('CreateFunctionStmt' in node) {
    const object = node.CreateFunctionStmt.is_procedure === true ? 'PROCEDURE' : 'FUNCTION';
    return `CREATE ${object} ${shownParts((node.CreateFunctionStmt.funcname ?? []).flatMap(nameParts))}`;
  }
  if ('CreateTrigStmt' in node) {
    const { trigname = '', relation } = node.CreateTrigStmt;
    return `CREATE TRIGGER ${shown(trigname)} ON ${shownName(rangeName(relation))}`;
  }
  if ('CreateEnumStmt' in node) {
    return `CREATE TYPE ${shownParts((node.CreateEnumStmt.typeName ?? []).flatMap(nameParts))} AS ENUM`;
  }
  if ('InsertStmt' in node) return `INSERT INTO ${shownName(rangeName(node.InsertStmt.relation))}`;
  if ('UpdateStmt' in node) return `UPDATE ${shownName(rangeName(node.UpdateStmt.relation))}`;
  if ('DeleteStmt' in node) return `DELETE FROM ${shownName(rangeName(node.DeleteStmt.relation))}`;
  if ('DoStmt' in node) return 'DO block';
  return undefined;
}

function ofIndex(index: IndexStmt): string {
  const words = [
    'CREATE',
    index.unique === true ? 'UNIQUE' : '',
    'INDEX',
    index.concurrent === true ? 'CONCURRENTLY' : '',
  ];
  const name = index.idxname === undefined ? '' : `${shown(index.idxname)} `;
  return `${words.filter((word) => word !== '').join(' ')} ${name}ON ${shownName(rangeName(index.relation))}`;
}

/** `OBJECT_MATVIEW` is the one object type whose name in the grammar is not its name in SQL. */
export const objectWords = (type: string | undefined): string =>
  type === 'OBJECT_MATVIEW' ? 'MATERIALIZED VIEW' : (type ?? '').replace('OBJECT_', '').replaceAll('_', ' ');

/** Dropping these takes the table's name first and the object's own name last. */
const ON_TABLE: readonly string[] = ['OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE'];

function ofDrop(drop: DropStmt): string {
  const onTable = ON_TABLE.includes(drop.removeType ?? '');
  const names = (drop.objects ?? []).map(nameParts).map((parts) => {
    if (!onTable) return shownParts(parts);
    return `${shown(parts.at(-1) ?? '')} ON ${shownParts(parts.slice(0, -1))}`;
  });
  const concurrently = drop.concurrent === true ? ' CONCURRENTLY' : '';
  const cascade = drop.behavior === 'DROP_CASCADE' ? ' CASCADE' : '';
  return `DROP ${objectWords(drop.removeType)}${concurrently} ${names.join(', ')}${cascade}`;
}

function ofAlterTable(alter: AlterTableStmt): string {
  const actions = (alter.cmds ?? []).flatMap((cmd) =>
    'AlterTableCmd' in cmd ? [ofCommand(cmd.AlterTableCmd)] : [],
  );
  return `ALTER ${objectWords(alter.objtype)} ${shownName(rangeName(alter.relation))} ${actions.join(', ')}`;
}

function ofCommand(cmd: AlterTableCmd): string {
  const name = shown(cmd.name ?? '');
  switch (cmd.subtype) {
    case 'AT_AddColumn':
      return `ADD COLUMN ${shown(cmd.def !== undefined && 'ColumnDef' in cmd.def ? (cmd.def.ColumnDef.colname ?? '') : '')}`;
    case 'AT_DropColumn':
      return `DROP COLUMN ${name}`;
    case 'AT_AddConstraint':
      return `ADD ${constraintWords(cmd)}`;
    case 'AT_DropConstraint':
      return `DROP CONSTRAINT ${name}`;
    case 'AT_ValidateConstraint':
      return `VALIDATE CONSTRAINT ${name}`;
    case 'AT_SetNotNull':
      return `ALTER COLUMN ${name} SET NOT NULL`;
    case 'AT_DropNotNull':
      return `ALTER COLUMN ${name} DROP NOT NULL`;
    case 'AT_AlterColumnType':
      return `ALTER COLUMN ${name} TYPE`;
    case 'AT_ColumnDefault':
      return `ALTER COLUMN ${name} ${cmd.def === undefined ? 'DROP' : 'SET'} DEFAULT`;
    case 'AT_DetachPartition':
      return `DETACH PARTITION ${partitionName(cmd)}`;
    case 'AT_AttachPartition':
      return `ATTACH PARTITION ${partitionName(cmd)}`;
    default:
      return `${commandWords(cmd.subtype)}${cmd.name === undefined ? '' : ` ${name}`}`;
  }
}

function constraintWords(cmd: AlterTableCmd): string {
  const constraint = cmd.def !== undefined && 'Constraint' in cmd.def ? cmd.def.Constraint : undefined;
  if (constraint?.conname !== undefined) return `CONSTRAINT ${shown(constraint.conname)}`;
  return (constraint?.contype ?? 'CONSTRAINT').replace('CONSTR_', '');
}

const partitionName = (cmd: AlterTableCmd): string =>
  shownName(
    rangeName(cmd.def !== undefined && 'PartitionCmd' in cmd.def ? cmd.def.PartitionCmd.name : undefined),
  );

/** `AT_EnableRowSecurity` → `ENABLE ROW SECURITY` */
function commandWords(subtype: string | undefined): string {
  const letters = [...(subtype ?? '').replace('AT_', '')];
  return letters
    .map((letter, index) => (index > 0 && letter === letter.toUpperCase() ? ` ${letter}` : letter))
    .join('')
    .toUpperCase();
}
