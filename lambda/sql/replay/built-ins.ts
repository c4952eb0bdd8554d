/** Types and functions that come with the server; `scripts/read-built-ins.ts` asked one for them. */
import type { CatalogFunction, CatalogType } from '../catalog';
import builtIns from './built-ins.json';
import type { ReplayedType } from './things';

export const CATALOG_SCHEMA = 'pg_catalog';

const KINDS: Readonly<Record<string, CatalogType['kind']>> = {
  b: 'base',
  p: 'pseudo',
  r: 'range',
  m: 'range',
};

const plainType = {
  class: 'type',
  schema: CATALOG_SCHEMA,
  element: undefined,
  base: undefined,
  baseTypmod: -1,
  notNull: false,
  checks: [],
  hasDefault: false,
  values: [],
} as const;

function typesOf(line: string): readonly ReplayedType[] {
  const [name = '', oid, array, collation, kind = '', binaryTo] = line.split(' ');
  const type: ReplayedType = {
    ...plainType,
    oid: Number(oid),
    name,
    kind: KINDS[kind] ?? 'base',
    array: Number(array),
    collation: Number(collation),
    binaryTo: (binaryTo ?? '').split(',').filter(Boolean).map(Number),
  };
  return type.array === 0 ? [type] : [type, arrayOf(type)];
}

const arrayOf = (type: ReplayedType): ReplayedType => ({
  ...type,
  oid: type.array,
  name: `_${type.name}`,
  kind: 'base',
  array: 0,
  element: type.oid,
  binaryTo: [],
});

export const BUILT_IN_TYPES: ReadonlyMap<number, ReplayedType> = new Map(
  builtIns.types.flatMap(typesOf).map((type) => [type.oid, type]),
);

export const BUILT_IN_TYPE_NAMES: ReadonlyMap<string, number> = new Map(
  [...BUILT_IN_TYPES.values()].map(({ name, oid }) => [name, oid]),
);

const functionsOf = (names: string, isVolatile: boolean): [string, CatalogFunction][] =>
  names
    .split(' ')
    .map((name) => [name, { name: { schema: CATALOG_SCHEMA, name }, isVolatile, isBuiltIn: true }]);

export const BUILT_IN_FUNCTIONS: ReadonlyMap<string, CatalogFunction> = new Map([
  ...functionsOf(builtIns.otherFunctions, false),
  ...functionsOf(builtIns.volatileFunctions, true),
]);
