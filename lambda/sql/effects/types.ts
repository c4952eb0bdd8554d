/** Tells whether a column's new type needs the table written anew (`ATColumnChangeRequiresRewrite` in tablecmds.c). */
import type { ColumnDef } from 'libpg-query';
import type { Catalog, CatalogColumn, CatalogType } from '../catalog';
import { nameParts, qualifiedName } from '../names';
import type { Node } from '../parse';

/**
 * `same`: neither type nor collation differ; `catalog`: the stored values serve as they are; `order`: they do, but
 * indexes sort them otherwise; `rewrite`: they do not.
 */
export type TypeChange = 'same' | 'catalog' | 'order' | 'rewrite';

/** For an array, the type of its elements; `undefined` for one that was not asked of, since nothing depends on it. */
export function namedType(column: ColumnDef, catalog: Catalog): CatalogType | undefined {
  return catalog.findType(qualifiedName((column.typeName?.names ?? []).flatMap(nameParts)));
}

/** It refuses values: by its own NOT NULL or CHECK, or by those of a domain below it. */
export function refusesValues(type: CatalogType, catalog: Catalog): boolean {
  const base = type.base === undefined ? undefined : catalog.type(type.base);
  return type.isConstrained || (base !== undefined && refusesValues(base, catalog));
}

export function typeChangeOf(column: CatalogColumn, definition: ColumnDef, catalog: Catalog): TypeChange {
  const to = namedType(definition, catalog);
  const from = catalog.type(column.type);
  if (to === undefined || from === undefined || isComputed(definition, column.name)) {
    return 'rewrite';
  }
  const typmod = typmodOf(to, definition.typeName?.typmods);
  if ((definition.typeName?.arrayBounds ?? []).length > 0) {
    return to.array === column.type && typmod === column.typmod ? 'same' : 'rewrite';
  }
  if (to.oid === from.oid && typmod === column.typmod) {
    return hasCollation(definition, to, column) ? 'same' : 'order';
  }
  if (refusesValues(to, catalog)) return 'rewrite';
  const before = withoutDomain(from, column.typmod, catalog);
  const after = withoutDomain(to, typmod, catalog);
  if (!isStoredAlike(before, after, catalog)) return 'rewrite';
  return isSortedAlike(before.type, after.type) && hasCollation(definition, to, column) ? 'catalog' : 'order';
}

/** `USING` anything but the column itself, or its cast to the new type. */
function isComputed({ raw_default: using, typeName }: ColumnDef, column: string): boolean {
  if (using === undefined) return false;
  if ('TypeCast' in using) {
    const { arg, typeName: cast } = using.TypeCast;
    const isSame = printed(cast) === printed(typeName);
    return !isSame || arg === undefined || isComputed({ raw_default: arg }, column);
  }
  return !('ColumnRef' in using) || nameParts(using.ColumnRef.fields?.at(-1)).at(-1) !== column;
}

/** A type's name as written, without its place in the script. */
const printed = (type: ColumnDef['typeName']): string =>
  JSON.stringify([
    (type?.names ?? []).flatMap(nameParts),
    (type?.typmods ?? []).map((node) => ('A_Const' in node ? [node.A_Const.ival] : [node])),
    (type?.arrayBounds ?? []).length,
  ]);

/** Types that share the operators by which an index sorts. */
const SAME_ORDER: readonly (readonly string[])[] = [
  ['text', 'varchar'],
  ['inet', 'cidr'],
  ['bit', 'varbit'],
];

const isSortedAlike = (from: CatalogType, to: CatalogType): boolean =>
  from.oid === to.oid ||
  SAME_ORDER.some((names) =>
    [from, to].every(({ name }) => name.schema === 'pg_catalog' && names.includes(name.name)),
  );

function hasCollation(definition: ColumnDef, type: CatalogType, column: CatalogColumn): boolean {
  // Which collation a name stands for was not asked: one that is written out counts as another.
  return definition.collClause === undefined && type.collation === column.collation;
}

interface Storage {
  readonly type: CatalogType;
  readonly typmod: number | undefined;
}

function withoutDomain(type: CatalogType, typmod: number | undefined, catalog: Catalog): Storage {
  const base = type.kind === 'domain' && type.base !== undefined ? catalog.type(type.base) : undefined;
  return base === undefined ? { type, typmod } : withoutDomain(base, type.baseTypmod, catalog);
}

const UNLIMITED = -1;

function isStoredAlike(from: Storage, to: Storage, catalog: Catalog): boolean {
  if (to.typmod === undefined) return false;
  if (from.type.oid === to.type.oid) return holdsAll(to.type.name.name, from.typmod ?? UNLIMITED, to.typmod);
  // What a conversion yields has no limit of its own, and so every limit has to be checked.
  if (to.typmod !== UNLIMITED && !isTopPrecision(to)) return false;
  return (
    from.type.binaryTo.includes(to.type.oid) ||
    (isTimestamp(from) && isTimestamp(to) && catalog.rows.isTimeZoneUtc)
  );
}

const isTimestamp = ({ type }: Storage): boolean =>
  type.name.schema === 'pg_catalog' && ['timestamp', 'timestamptz'].includes(type.name.name);

const TEMPORAL: readonly string[] = ['timestamp', 'timestamptz', 'time', 'timetz'];
const MOST_PRECISE = 6;

const isTopPrecision = ({ type, typmod }: Storage): boolean =>
  TEMPORAL.includes(type.name.name) && typmod === MOST_PRECISE;

const NUMERIC_HEADER = 4;
const scaleOf = (typmod: number): number => (typmod - NUMERIC_HEADER) & 0x7ff;
const precisionOf = (typmod: number): number => (typmod - NUMERIC_HEADER) >> 16;

/** Whether every value under the first limit is one under the second, unchanged: the planner's support functions. */
function holdsAll(type: string, from: number, to: number): boolean {
  if (to === UNLIMITED || to === from) return true;
  if (type === 'varchar' || type === 'varbit') return from !== UNLIMITED && to >= from;
  if (type === 'numeric') {
    return from !== UNLIMITED && scaleOf(from) === scaleOf(to) && precisionOf(to) >= precisionOf(from);
  }
  if (TEMPORAL.includes(type)) return to >= MOST_PRECISE || (from !== UNLIMITED && to >= from);
  return false;
}

/** As Postgres packs it; `undefined` for a type whose packing is its own affair. */
export function typmodOf(
  type: Pick<CatalogType, 'name'>,
  modifiers: readonly Node[] | undefined,
): number | undefined {
  const numbers = (modifiers ?? []).map((node) =>
    'A_Const' in node
      ? node.A_Const.ival === undefined
        ? undefined
        : (node.A_Const.ival.ival ?? 0)
      : undefined,
  );
  const [first, second = 0] = numbers;
  if (numbers.length === 0) return UNLIMITED;
  if (first === undefined || numbers.includes(undefined) || type.name.schema !== 'pg_catalog')
    return undefined;
  switch (type.name.name) {
    case 'varchar':
    case 'bpchar':
      return first + NUMERIC_HEADER;
    case 'numeric':
      return ((first << 16) | (second & 0x7ff)) + NUMERIC_HEADER;
    case 'bit':
    case 'varbit':
      return first;
    default:
      return TEMPORAL.includes(type.name.name) ? first : undefined;
  }
}
