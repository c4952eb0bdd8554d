/** Constraints on tables in use: enforced at once, proven without a lock that anybody waits for, replaced without a gap. */
import type { AlterTableCmd, Constraint } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import { nameParts, type QualifiedName, quoted, rangeName, shown } from '../names';
import { type Answer, expanding, type Group, type Rewriter, type Situation } from './draft';
import { chosenName } from './names';
import { requireGroup } from './not-null';
import type { StatementText } from './statement-text';
import { alter, columnOf, shownTable, tableInUse, tableText } from './tables';
import { actionOf, type Unit } from './units';

export const addConstraint: Rewriter = (unit, situation) => {
  const constraint = constraintIn(unit);
  const table = tableInUse(unit, situation);
  if (constraint === undefined || table === undefined || isDeferredWork(constraint)) return undefined;
  return constraintAnswer({ unit, situation, table, constraint, text: definition(unit.text, constraint) });
};

export interface NewConstraint {
  readonly unit: Unit;
  readonly situation: Situation;
  readonly table: CatalogRelation;
  readonly constraint: Constraint;
  /** Without `CONSTRAINT name`. */
  readonly text: string;
}

export function constraintAnswer(wanted: NewConstraint): Answer {
  switch (wanted.constraint.contype) {
    case 'CONSTR_CHECK':
    case 'CONSTR_FOREIGN':
    case 'CONSTR_NOTNULL':
      return provenLater(wanted);
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY':
      return throughIndex(wanted);
    case 'CONSTR_EXCLUSION':
      return {
        refused: `an exclusion constraint is built while ${shownTable(wanted.table)} is locked, and Postgres knows no other way: make it while nobody writes`,
      };
    default:
      return undefined;
  }
}

const BUILDS_INDEX: readonly (string | undefined)[] = ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'];

/** Its rows are read later or never, or its index is there already. */
const isDeferredWork = ({ skip_validation, is_enforced, indexname, contype }: Constraint): boolean =>
  BUILDS_INDEX.includes(contype) ? indexname !== undefined : skip_validation === true || is_enforced !== true;

/** Dropped, and made again by a later action: at no time shall neither be there. */
export const dropConstraint: Rewriter = (unit, situation) => {
  const action = actionOf(unit);
  const table = tableInUse(unit, situation);
  if (action?.subtype !== 'AT_DropConstraint' || table === undefined) return undefined;
  const dropped = table.constraints.find(({ name }) => name === action.name);
  const successor = situation.rest.find((other) => {
    const constraint = constraintIn(other);
    if (constraint === undefined || isDeferredWork(constraint)) return false;
    if (situation.catalog.find(rangeOf(other))?.oid !== table.oid) return false;
    if (constraint.conname === action.name) return true;
    const isSameKind = dropped !== undefined && KINDS[constraint.contype ?? ''] === dropped.kind;
    return (
      isSameKind && (dropped.kind === 'primary key' || sameColumns(columnsOf(constraint), dropped.columns))
    );
  });
  if (successor === undefined) return undefined;
  const between = situation.rest.slice(0, situation.rest.indexOf(successor));
  return between.some((other) => changesColumns(other)) ? undefined : { joins: successor };
};

const KINDS: Readonly<Record<string, string>> = {
  CONSTR_FOREIGN: 'foreign key',
  CONSTR_UNIQUE: 'unique',
  CONSTR_PRIMARY: 'primary key',
};

const sameColumns = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name, index) => name === other[index]);

const columnsOf = ({ keys, fk_attrs }: Constraint): readonly string[] =>
  [...(keys ?? []), ...(fk_attrs ?? [])].flatMap(nameParts);

const changesColumns = (unit: Unit): boolean =>
  'RenameStmt' in unit.statement.node ||
  ['AT_AlterColumnType', 'AT_DropColumn'].includes(actionOf(unit)?.subtype ?? '');

const rangeOf = ({ statement: { node } }: Unit): QualifiedName =>
  'AlterTableStmt' in node ? rangeName(node.AlterTableStmt.relation) : { schema: undefined, name: '' };

export function constraintIn(unit: Unit): Constraint | undefined {
  const { subtype, def }: Partial<AlterTableCmd> = actionOf(unit) ?? {};
  if (subtype !== 'AT_AddConstraint' || def === undefined || !('Constraint' in def)) return undefined;
  return def.Constraint;
}

/** From the word that says what kind it is, behind `CONSTRAINT name`. */
export function definition(text: StatementText, { conname, location = 0 }: Constraint, to?: number): string {
  const words = text.words.filter(({ start }) => start >= location);
  return text.between(words[conname === undefined ? 0 : 2]?.start ?? 0, to);
}

function provenLater({ unit, situation, table, constraint, text }: NewConstraint): Answer {
  const isForeign = constraint.contype === 'CONSTR_FOREIGN';
  if (isForeign && table.kind === 'partitioned table') {
    return {
      refused: `${shownTable(table)} is partitioned, and Postgres before 18 takes no foreign key of such a table NOT VALID: add it to each partition`,
    };
  }
  const name = constraint.conname ?? nameFor(table, constraint, situation);
  if (name === undefined)
    return { refused: 'it has no name, and the one that Postgres would choose is taken: name it' };
  const drops = situation.joined.map((drop) => actionText(drop));
  const on = tableText(unit);
  return {
    groups: [
      expanding('apart', [
        alter(on, ...drops, `ADD CONSTRAINT ${quoted(name)} ${text} NOT VALID`),
        alter(on, `VALIDATE CONSTRAINT ${quoted(name)}`),
      ]),
    ],
    rule: isForeign ? 'foreign-key-scans-table' : 'check-scans-table',
    reason:
      `${isForeign ? 'the foreign key' : 'the constraint'} ${shown(name)} holds for new rows at once; those that are there are ` +
      `looked at afterwards, while ${shownTable(table)} can be read and written` +
      `${drops.length === 0 ? '' : '; the former one goes in the same statement, so that at no time neither is there'}`,
  };
}

const actionText = ({ action, text }: Unit): string =>
  action?.body ?? text.between(text.keyword('DROP')?.start ?? 0);

function nameFor(table: CatalogRelation, constraint: Constraint, { catalog }: Situation): string | undefined {
  switch (constraint.contype) {
    case 'CONSTR_FOREIGN':
      return chosenName(table, columnsOf(constraint), 'fkey', catalog);
    case 'CONSTR_UNIQUE':
      return chosenName(table, columnsOf(constraint), 'key', catalog);
    case 'CONSTR_PRIMARY':
      return chosenName(table, [], 'pkey', catalog);
    case 'CONSTR_NOTNULL':
      return chosenName(table, columnsOf(constraint), 'not_null', catalog);
    default: {
      const used = usedColumns(constraint, table);
      return chosenName(table, used.length === 1 ? used : [], 'check', catalog);
    }
  }
}

/** A CHECK of one column is named after it. */
function usedColumns(constraint: Constraint, table: CatalogRelation): readonly string[] {
  const found = new Set<string>();
  const look = (tree: unknown): void => {
    if (Array.isArray(tree)) tree.forEach(look);
    else if (typeof tree === 'object' && tree !== null) {
      if ('ColumnRef' in tree) {
        const { fields = [] } = tree.ColumnRef as { fields?: Parameters<typeof nameParts>[0][] };
        const name = fields.flatMap(nameParts).at(-1);
        if (columnOf(table, name) !== undefined && name !== undefined) found.add(name);
      } else Object.values(tree).forEach(look);
    }
  };
  look(constraint.raw_expr);
  return [...found];
}

function throughIndex({ unit, situation, table, constraint }: NewConstraint): Answer {
  const { catalog, names, joined } = situation;
  if (table.kind === 'partitioned table') {
    return {
      refused: `${shownTable(table)} is partitioned: no index of all its partitions can be built concurrently`,
    };
  }
  if (constraint.options !== undefined || constraint.without_overlaps === true) {
    return {
      refused:
        'of its index, storage parameters and WITHOUT OVERLAPS are not carried over: make the index by hand, then the constraint USING INDEX',
    };
  }
  const isPrimary = constraint.contype === 'CONSTR_PRIMARY';
  const keys = columnsOf(constraint);
  const drops = joined.map((drop) => ({ name: actionOf(drop)?.name, text: actionText(drop) }));
  const replacesName = drops.some(({ name }) => name === constraint.conname);
  const name = constraint.conname ?? nameFor(table, constraint, situation);
  if (name === undefined)
    return { refused: 'it has no name, and the one that Postgres would choose is taken: name it' };
  const index = replacesName ? names.free(name, '_new', catalog) : name;
  const on = tableText(unit);
  const parts = indexParts(constraint);
  const required: readonly Group[] = isPrimary
    ? keys.flatMap((key) =>
        columnOf(table, key)?.notNull === true ? [] : [requireGroup(on, key, table, situation)],
      )
    : [];
  const kind = isPrimary ? 'PRIMARY KEY' : 'UNIQUE';
  return {
    groups: [
      ...required,
      expanding('apart', [
        `CREATE UNIQUE INDEX CONCURRENTLY ${quoted(index)} ON ${on} ${parts.index}`,
        alter(
          on,
          ...drops.map((drop) => drop.text),
          `ADD CONSTRAINT ${quoted(name)} ${kind} USING INDEX ${quoted(index)}${parts.attributes}`,
        ),
      ]),
    ],
    rule: 'unique-builds-index-under-lock',
    reason:
      `the index of ${shown(name)} is built while ${shownTable(table)} can be read and written, and taken over by the constraint` +
      `${drops.length === 0 ? '' : ' in the statement in which the former one goes'}`,
  };
}

/** Columns and all that makes an index; then what makes the constraint. */
function indexParts(constraint: Constraint): { index: string; attributes: string } {
  const list = (names: readonly string[]): string => `(${names.map(quoted).join(', ')})`;
  const including = (constraint.including ?? []).flatMap(nameParts);
  return {
    index: [
      list(columnsOf(constraint)),
      ...(including.length === 0 ? [] : [`INCLUDE ${list(including)}`]),
      ...(constraint.nulls_not_distinct === true ? ['NULLS NOT DISTINCT'] : []),
      ...(constraint.indexspace === undefined ? [] : [`TABLESPACE ${quoted(constraint.indexspace)}`]),
    ].join(' '),
    attributes:
      (constraint.deferrable === true ? ' DEFERRABLE' : '') +
      (constraint.initdeferred === true ? ' INITIALLY DEFERRED' : ''),
  };
}
