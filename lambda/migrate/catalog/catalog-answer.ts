/** Turns the catalog query's answer, in Postgres's letters and numbers, into a {@link Catalog}'s words. */
import type {
  CatalogColumn,
  CatalogConstraint,
  CatalogIndex,
  CatalogLoss,
  CatalogRelation,
  CatalogRows,
  CatalogType,
  ForeignKeyAction,
  RelationKind,
} from '../../sql/catalog';
import { provesNotNull } from '../../sql/effects/proof';
import { parseScript } from '../../sql/parse';
import { type DependencyAnswer, dependenciesOf, type TextAnswer } from './catalog-dependents';

interface Named {
  readonly schema: string | null;
  readonly name: string;
  readonly oid: number;
}

interface RelationAnswer {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly isPartition: boolean;
  readonly pages: number;
  readonly lockable: boolean;
  readonly parents: readonly number[];
  readonly hasTriggers: boolean;
  readonly hasRules: boolean;
  readonly defaultPartition?: number | null;
  readonly columns?: readonly ColumnAnswer[] | null;
  readonly constraints?: readonly ConstraintAnswer[] | null;
  readonly sequences?: CatalogRelation['sequences'] | null;
  readonly index?: IndexAnswer | null;
  readonly reads?: readonly number[] | null;
  readonly isUnlogged: boolean;
  readonly accessMethod?: string | null;
  readonly tablespace?: string | null;
  readonly ofType?: number | null;
}

interface ColumnAnswer extends Omit<CatalogColumn, 'generated' | 'identity'> {
  readonly generated: string;
  readonly identity: string;
}

interface IndexAnswer extends Omit<CatalogIndex, 'keys'> {
  readonly keys: readonly (string | null)[];
}

interface ConstraintAnswer {
  readonly name: string;
  readonly kind: string;
  readonly validated: boolean;
  readonly columns: readonly string[];
  readonly references: number;
  readonly referencedColumns: readonly string[];
  readonly index: number;
  readonly onDelete: string;
  readonly onUpdate: string;
  readonly definition: string | null;
}

interface TypeAnswer extends Omit<CatalogType, 'name' | 'kind' | 'base' | 'users'> {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly base: number;
  readonly users: readonly number[] | null;
}

/** What is empty is null; what was not asked is left out. */
export interface CatalogAnswer {
  readonly relations: readonly RelationAnswer[] | null;
  readonly named: readonly Named[] | null;
  readonly types?: readonly TypeAnswer[] | null;
  readonly namedTypes?: readonly Named[] | null;
  readonly functions?:
    | readonly { schema: string; name: string; volatile: boolean; builtIn: boolean }[]
    | null;
  readonly losses?: readonly { key: string; oid: number; what: CatalogLoss['what'] }[] | null;
  readonly dependencies?: readonly DependencyAnswer[] | null;
  readonly texts?: readonly TextAnswer[] | null;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
}

export async function rowsOf(answer: CatalogAnswer): Promise<CatalogRows> {
  return {
    relations: await Promise.all((answer.relations ?? []).map(relationOf)),
    named: (answer.named ?? []).map(mentionOf),
    types: (answer.types ?? []).map(typeOf),
    namedTypes: (answer.namedTypes ?? []).map(mentionOf),
    functions: (answer.functions ?? []).map(({ schema, name, volatile, builtIn }) => ({
      name: { schema, name },
      isVolatile: volatile,
      isBuiltIn: builtIn,
    })),
    losses: (answer.losses ?? []).map(({ key, oid, what }) => ({ of: key, relation: oid, what })),
    dependencies: dependenciesOf(answer),
    searchPath: answer.searchPath,
    isTimeZoneUtc: UTC.includes(answer.timeZone),
  };
}

/** Names of the zone without an offset; others that mean the same cost a needless warning at most. */
const UTC: readonly string[] = ['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT', 'UCT', 'Etc/UCT', 'Zulu', 'Universal'];

const mentionOf = ({ schema, name, oid }: Named) => ({ mention: { schema: schema ?? undefined, name }, oid });

const RELATION_KINDS: Readonly<Record<string, RelationKind>> = {
  r: 'table',
  p: 'partitioned table',
  i: 'index',
  I: 'partitioned index',
  S: 'sequence',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  c: 'composite type',
};

/** LOCK TABLE refuses the others. */
const LOCKABLE: readonly RelationKind[] = ['table', 'partitioned table', 'view'];

async function relationOf(answer: RelationAnswer): Promise<CatalogRelation> {
  const kind = RELATION_KINDS[answer.kind] ?? 'table';
  return {
    oid: answer.oid,
    name: { schema: answer.schema, name: answer.name },
    kind,
    lockable: answer.lockable && LOCKABLE.includes(kind),
    parents: answer.parents,
    isPartition: answer.isPartition,
    // Zero where there is none.
    defaultPartition: answer.defaultPartition || undefined,
    pages: answer.pages,
    columns: (answer.columns ?? []).map(columnOf),
    constraints: await Promise.all((answer.constraints ?? []).map(constraintOf)),
    hasTriggers: answer.hasTriggers,
    hasRules: answer.hasRules,
    sequences: answer.sequences ?? [],
    index: answer.index ? indexOf(answer.index) : undefined,
    reads: answer.reads ?? [],
    isUnlogged: answer.isUnlogged,
    accessMethod: answer.accessMethod ?? undefined,
    tablespace: answer.tablespace ?? undefined,
    ofType: answer.ofType ?? undefined,
  };
}

const indexOf = (answer: IndexAnswer): CatalogIndex => ({
  ...answer,
  keys: answer.keys.map((key) => key ?? undefined),
});

const GENERATED: Readonly<Record<string, CatalogColumn['generated']>> = { s: 'stored', v: 'virtual' };

const columnOf = ({ generated, identity, ...column }: ColumnAnswer): CatalogColumn => ({
  ...column,
  generated: GENERATED[generated],
  identity: identity !== '',
});

const CONSTRAINT_KINDS: Readonly<Record<string, CatalogConstraint['kind']>> = {
  c: 'check',
  f: 'foreign key',
  p: 'primary key',
  u: 'unique',
  x: 'exclusion',
  n: 'not null',
  t: 'trigger',
};

async function constraintOf(answer: ConstraintAnswer): Promise<CatalogConstraint> {
  const { name, validated, columns, definition } = answer;
  const isForeignKey = answer.references !== 0;
  return {
    name,
    kind: CONSTRAINT_KINDS[answer.kind] ?? 'check',
    validated,
    columns,
    references: answer.references || undefined,
    referencedColumns: answer.referencedColumns,
    index: answer.index || undefined,
    onDelete: isForeignKey ? actionOf(answer.onDelete) : undefined,
    onUpdate: isForeignKey ? actionOf(answer.onUpdate) : undefined,
    deleteAction: isForeignKey ? DELETE_ACTIONS[answer.onDelete] : undefined,
    provesNotNull: definition === null || !validated ? [] : await provenBy(definition),
  };
}

const DELETE_ACTIONS: Readonly<Record<string, ForeignKeyAction>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

/** NO ACTION and RESTRICT only look whether a row references. */
const actionOf = (letter: string): 'check' | 'write' =>
  letter === 'a' || letter === 'r' ? 'check' : 'write';

async function provenBy(definition: string): Promise<readonly string[]> {
  const { statements } = await parseScript(`ALTER TABLE t ADD ${definition}`);
  return statements.flatMap(({ node }) => provesNotNull(node));
}

const TYPE_KINDS: Readonly<Record<string, CatalogType['kind']>> = {
  b: 'base',
  d: 'domain',
  e: 'enum',
  c: 'composite',
  r: 'range',
  m: 'range',
  p: 'pseudo',
};

const typeOf = (answer: TypeAnswer): CatalogType => ({
  ...answer,
  name: { schema: answer.schema, name: answer.name },
  kind: TYPE_KINDS[answer.kind] ?? 'base',
  base: answer.base || undefined,
  users: answer.users ?? [],
});
