/** What a runner left behind, so that nobody is faster by doing less. */
import { pictureCatalog } from '../../lambda/checks/catalog';
import { type Database, withSession } from '../../lambda/ports/database';

export interface EndState {
  /** The schema, a line an object. */
  readonly schema: readonly string[];
  /** Sums over what the load does not write. */
  readonly rows: string;
  /** Writes of the load that are in the table. */
  readonly writes: number;
}

/** Tables in which runners keep their own books. */
const OWN = ['schema_migrations'];

export async function readEndState(database: Database): Promise<EndState> {
  return withSession(database, { applicationName: 'bench' }, async (session) => {
    const picture = await pictureCatalog(session);
    const { rows } = await session.query<{ sums: string; writes: string }>(
      `SELECT concat_ws(' ', count(*), sum("quantity"), count("usdValue"), sum("usdValue"), sum(hashtext("id"))) AS sums,
              sum("syncs") AS writes
       FROM "TokenBalance"`,
    );
    const schema = picture.filter((line) => !OWN.some((name) => line.includes(name)));
    return { schema, rows: rows[0]?.sums ?? '', writes: Number(rows[0]?.writes) };
  });
}

/** In words what differs; the schema's and the rows' end states are the same for everybody who is compared. */
export function differenceBetween(one: EndState, other: EndState): string | undefined {
  const missing = one.schema.find((line) => !other.schema.includes(line));
  const added = other.schema.find((line) => !one.schema.includes(line));
  if (missing !== undefined || added !== undefined) return `the schema: ${missing ?? added}`;
  return one.rows === other.rows ? undefined : `the rows: ${one.rows} and ${other.rows}`;
}
