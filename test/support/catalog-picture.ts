/** A {@link Catalog} line by line, without the numbers that differ from server to server, so that two can be compared. */
import type { Catalog, CatalogConstraint, CatalogRelation, CatalogType } from '../../lambda/sql/catalog';
import { shownName } from '../../lambda/sql/names';

export function pictureOf(catalog: Catalog): readonly string[] {
  const lines = catalog.rows.relations
    .filter(({ name }) => !name.schema.startsWith('pg_'))
    .flatMap((relation) => [
      ...linesOf(relation, catalog),
      ...relation.columns.flatMap(({ type }) => typeLines(catalog.type(type))),
      ...dependentsOf(relation, catalog),
    ]);
  return [...new Set(lines)].sort();
}

export function differenceOf(real: readonly string[], replayed: readonly string[]) {
  const [known, told] = [new Set(real), new Set(replayed)];
  return {
    missing: real.filter((line) => !told.has(line)),
    wrong: replayed.filter((line) => !known.has(line)),
  };
}

const typeLines = (type: CatalogType | undefined): readonly string[] =>
  type === undefined || type.name.schema === 'pg_catalog'
    ? []
    : [
        `${type.kind} ${shownName(type.name)}: ${JSON.stringify([type.values, type.collation, type.isConstrained, type.hasDefault, type.baseTypmod])}`,
      ];

const sorted = (names: readonly string[]): string => [...names].sort().join(', ');

function linesOf(relation: CatalogRelation, catalog: Catalog): readonly string[] {
  const nameOf = (oid: number | undefined): string => {
    const found = oid === undefined ? undefined : catalog.get(oid);
    return found === undefined ? '-' : shownName(found.name);
  };
  const name = shownName(relation.name);
  const { isUnlogged, isPartition, hasTriggers, hasRules, lockable } = relation;
  return [
    `${relation.kind} ${name}: ${JSON.stringify({ isUnlogged, isPartition, hasTriggers, hasRules, lockable })}, method ${relation.accessMethod}, in ${relation.tablespace}, of ${nameOf(relation.ofType)}, parents ${sorted(relation.parents.map(nameOf))}, default ${nameOf(relation.defaultPartition)}, reads ${sorted(relation.reads.map(nameOf))}`,
    ...relation.columns.map(
      ({ type, ...column }, index) =>
        `column ${index} of ${name}: ${JSON.stringify({ ...column, type: catalog.type(type)?.name.name }, order)}`,
    ),
    ...relation.constraints.map(
      (constraint) => `constraint on ${name}: ${constraintLine(constraint, nameOf)}`,
    ),
    ...relation.sequences.map(({ oid, column }) => `sequence ${nameOf(oid)} of ${name}.${column}`),
    ...(relation.index === undefined
      ? []
      : [
          `index ${name}: ${JSON.stringify({ ...relation.index, table: nameOf(relation.index.table), columns: sorted(relation.index.columns) }, order)}`,
        ]),
  ];
}

const order = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function constraintLine(constraint: CatalogConstraint, nameOf: (oid: number | undefined) => string): string {
  const { name, kind, validated, deleteAction, onDelete, onUpdate } = constraint;
  return JSON.stringify({
    ...{ name, kind, validated, deleteAction, onDelete, onUpdate },
    columns: sorted(constraint.columns),
    references: nameOf(constraint.references),
    referencedColumns: sorted(constraint.referencedColumns),
    index: nameOf(constraint.index),
    provesNotNull: sorted(constraint.provesNotNull),
  });
}

function dependentsOf(relation: CatalogRelation, catalog: Catalog): readonly string[] {
  return [undefined, ...relation.columns.map(({ name }) => name)].flatMap((column) =>
    catalog
      .dependentsOf(relation, column)
      .map(
        ({ kind, name, certain, goesAlong }) =>
          `${shownName(relation.name)} ${column ?? ''}: needed by ${kind} ${name}${certain ? '' : ', maybe'}${goesAlong ? ', which goes along' : ''}`,
      ),
  );
}
