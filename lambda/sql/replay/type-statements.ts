/** CREATE and ALTER of enums, domains, composite types and ranges. */
import type {
  AlterDomainStmt,
  AlterEnumStmt,
  CompositeTypeStmt,
  CreateDomainStmt,
  CreateEnumStmt,
  CreateRangeStmt,
} from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import { collationOf, defineColumn } from './columns';
import { newRelation } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedType, whole } from './things';
import { addType, resolveType } from './types';

function newName(parts: readonly Node[] | undefined, state: ReplayedState) {
  const { schema, name } = qualifiedName((parts ?? []).flatMap(nameParts));
  return { schema: schema ?? state.currentSchema, name };
}

export function createEnum({ typeName, vals }: CreateEnumStmt, state: ReplayedState): void {
  addType(newName(typeName, state), { kind: 'enum', values: (vals ?? []).flatMap(nameParts) }, state);
}

export function alterEnum(alter: AlterEnumStmt, state: ReplayedState): void {
  const type = state.findType(qualifiedName((alter.typeName ?? []).flatMap(nameParts)));
  const { oldVal, newVal = '', newValNeighbor, newValIsAfter } = alter;
  if (type === undefined || type.values.includes(newVal)) return;
  if (oldVal !== undefined) {
    state.put({ ...type, values: type.values.map((value) => (value === oldVal ? newVal : value)) });
    return;
  }
  const neighbour = newValNeighbor === undefined ? -1 : type.values.indexOf(newValNeighbor);
  const place = neighbour < 0 ? type.values.length : newValIsAfter === true ? neighbour + 1 : neighbour;
  state.put({ ...type, values: type.values.toSpliced(place, 0, newVal) });
}

export function createDomain(create: CreateDomainStmt, state: ReplayedState): void {
  const base = resolveType(create.typeName, state);
  const constraints = (create.constraints ?? []).flatMap((node) =>
    'Constraint' in node ? [node.Constraint] : [],
  );
  const name = newName(create.domainname, state);
  const checks = constraints.filter(({ contype }) => contype === 'CONSTR_CHECK');
  const type = addType(
    name,
    {
      kind: 'domain',
      base: base.type,
      baseTypmod: base.typmod,
      collation: collationOf(create.collClause?.collname, base.collation),
      notNull: constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL'),
      checks: checks.map(({ conname }, index) => conname ?? checkName(name.name, index)),
      hasDefault: constraints.some(({ contype }) => contype === 'CONSTR_DEFAULT'),
    },
    state,
  );
  state.depend(whole(type.oid), whole(base.type), 'normal');
}

const checkName = (domain: string, index: number): string => `${domain}_check${index === 0 ? '' : index}`;

export function alterDomain(alter: AlterDomainStmt, state: ReplayedState): void {
  const type = state.findType(qualifiedName((alter.typeName ?? []).flatMap(nameParts)));
  if (type === undefined) return;
  const constraint = alter.def !== undefined && 'Constraint' in alter.def ? alter.def.Constraint : undefined;
  const name = constraint?.conname ?? checkName(type.name, type.checks.length);
  const changes: Readonly<Record<string, Partial<ReplayedType>>> = {
    T: { hasDefault: alter.def !== undefined },
    N: { notNull: false },
    O: { notNull: true },
    C: constraint?.contype === 'CONSTR_NOTNULL' ? { notNull: true } : { checks: [...type.checks, name] },
    X: { checks: type.checks.filter((check) => check !== alter.name) },
  };
  state.put({ ...type, ...changes[alter.subtype ?? ''] });
}

/** A relation, too, with the attributes as its columns. */
export function createComposite({ typevar, coldeflist }: CompositeTypeStmt, state: ReplayedState): void {
  const { schema = state.currentSchema, name } = rangeName(typevar);
  const relation = newRelation({ schema, name, kind: 'composite type' }, state);
  state.put(relation);
  for (const node of coldeflist ?? []) {
    if ('ColumnDef' in node) defineColumn(relation.oid, node.ColumnDef, { isOnNewTable: true }, state);
  }
  const type = addType({ schema, name }, { kind: 'composite' }, state);
  state.depend(whole(relation.oid), whole(type.oid), 'internal');
}

/** With a multirange, of a name that is derived from its own. */
export function createRange({ typeName }: CreateRangeStmt, state: ReplayedState): void {
  const { schema, name } = newName(typeName, state);
  addType({ schema, name }, { kind: 'range' }, state);
  const multirange = name.includes('range') ? name.replace('range', 'multirange') : `${name}_multirange`;
  addType({ schema, name: multirange }, { kind: 'range' }, state);
}
