/** Turns what the server says about dependents into a {@link Catalog}'s words. */
import { type CatalogDependency, type DependentKind, shownDependent } from '../../sql/catalog';
import { mentionedIn, wordsIn } from '../../sql/words';

export interface DependencyAnswer {
  readonly relation: number;
  readonly column: string | null;
  readonly kind: DependentKind;
  readonly schema: string | null;
  readonly name: string;
  readonly tableSchema: string | null;
  readonly tableName: string | null;
  readonly strength: string;
}

/** Of a function into which the server does not look. */
export interface TextAnswer {
  readonly schema: string;
  readonly name: string;
  readonly text: string;
  /** Tables whose triggers call it. */
  readonly triggersOn: readonly number[];
}

interface Answer {
  readonly relations:
    | readonly {
        readonly oid: number;
        readonly name: string;
        readonly columns?: readonly { readonly name: string }[] | null;
      }[]
    | null;
  readonly dependencies?: readonly DependencyAnswer[] | null;
  readonly texts?: readonly TextAnswer[] | null;
}

export const dependenciesOf = ({ relations, dependencies, texts }: Answer): readonly CatalogDependency[] => [
  ...(dependencies ?? []).map(dependencyOf),
  ...(texts ?? []).flatMap((text) => mentionsIn(text, relations ?? [])),
];

function dependencyOf(answer: DependencyAnswer): CatalogDependency {
  const { relation, kind, tableSchema, tableName } = answer;
  const object = { schema: answer.schema ?? undefined, name: answer.name };
  const standsOn =
    tableSchema === null || tableName === null ? undefined : { schema: tableSchema, name: tableName };
  return {
    kind,
    name: shownDependent(object, standsOn),
    object,
    standsOn,
    relation,
    column: answer.column ?? undefined,
    certain: true,
    goesAlong: answer.strength !== 'n',
  };
}

function mentionsIn(
  { schema, name, text, triggersOn }: TextAnswer,
  relations: NonNullable<Answer['relations']>,
): readonly CatalogDependency[] {
  const words = wordsIn(text);
  const object = { schema, name };
  return relations.flatMap(({ oid, name: table, columns }) =>
    mentionedIn(
      { words, triggersOn },
      { oid, name: table, columns: (columns ?? []).map((column) => column.name) },
    ).map((column) => ({
      kind: 'function' as const,
      name: shownDependent(object, undefined),
      object,
      standsOn: undefined,
      relation: oid,
      column,
      certain: false,
      goesAlong: false,
    })),
  );
}
