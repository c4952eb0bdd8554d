/** Reads from the database, in one round trip, what the effects of some statements depend on; it locks no table of the application. */
import type { Session } from '../../ports/database';
import { Catalog } from '../../sql/catalog';
import { keyOf, type Mentions, mentionsNothing, relationsMentioned } from '../../sql/effects/mentions';
import type { SqlStatement } from '../../sql/parse';
import { type CatalogAnswer, rowsOf } from './catalog-answer';
import { catalogQuery } from './catalog-query';

/** Called in the migrating session, so that `search_path` and the role are the statement's own. */
export async function readCatalog(session: Session, statements: readonly SqlStatement[]): Promise<Catalog> {
  const mentions = together(statements.map(relationsMentioned));
  if (mentionsNothing(mentions)) return Catalog.EMPTY;
  const { rows } = await session.query<{ answer: CatalogAnswer }>(catalogQuery(mentions), [
    JSON.stringify({
      ...mentions,
      doomed: mentions.doomed.map((object) => ({ ...object, ...object.name, key: keyOf(object) })),
      chain: mentions.references === 'chain',
    }),
  ]);
  const answer = rows[0]?.answer;
  return answer === undefined ? Catalog.EMPTY : new Catalog(await rowsOf(answer));
}

const together = (all: readonly Mentions[]): Mentions => ({
  relations: all.flatMap(({ relations }) => relations),
  types: all.flatMap(({ types }) => types),
  functions: all.flatMap(({ functions }) => functions),
  schemas: all.flatMap(({ schemas }) => schemas),
  doomed: all.flatMap(({ doomed }) => doomed),
  aspects: [...new Set(all.flatMap(({ aspects }) => aspects))],
  references: all.some(({ references }) => references === 'chain') ? 'chain' : 'next',
});
