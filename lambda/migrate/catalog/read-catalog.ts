/** Reads from the database, in one round trip, what the effects of some statements depend on; it locks no table of the application. */
import type { Session } from '../../ports/database';
import { Catalog } from '../../sql/catalog';
import { EVERYTHING } from '../../sql/effects/aspects';
import { keyOf, type Mentions, mentionsNothing, relationsMentioned } from '../../sql/effects/mentions';
import { namesMade } from '../../sql/names-made';
import type { SqlStatement } from '../../sql/parse';
import { type CatalogAnswer, rowsOf } from './catalog-answer';
import { catalogQuery, type Reading } from './catalog-query';

/** Called in the migrating session, so that `search_path` and the role are the statement's own. */
export async function readCatalog(
  session: Session,
  statements: readonly SqlStatement[],
  reading: Reading = 'effects',
): Promise<Catalog> {
  const mentions = mentionsFor(reading, statements);
  if (mentionsNothing(mentions)) return Catalog.EMPTY;
  const { rows } = await session.query<{ answer: CatalogAnswer }>(catalogQuery(mentions, reading), [
    JSON.stringify({
      ...mentions,
      doomed: mentions.doomed.map((object) => ({ ...object, ...object.name, key: keyOf(object) })),
      chain: mentions.references === 'chain',
    }),
  ]);
  const answer = rows[0]?.answer;
  return answer === undefined ? Catalog.EMPTY : new Catalog(await rowsOf(answer));
}

/** Checks look at more than effects depend on. */
function mentionsFor(reading: Reading, statements: readonly SqlStatement[]): Mentions {
  const mentions = together(statements.map(relationsMentioned));
  if (reading !== 'checks') return mentions;
  const made = statements.flatMap(({ node }) => namesMade(node));
  return { ...mentions, aspects: EVERYTHING, relations: [...mentions.relations, ...made] };
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
