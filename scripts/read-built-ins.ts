/** Writes down which types and functions come with a server: `DATABASE_URL=… npx tsx scripts/read-built-ins.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDatabaseUrl } from '../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../lambda/adapters/postgres/pg-database';
import { type Session, withSession } from '../lambda/ports/database';

/** A type: name, oid, the oid of its array, collation, kind, and the types to which its values can be turned as they are. */
const BUILT_INS = `
WITH built_in AS (
  SELECT proname, bool_or(provolatile = 'v') AS is_volatile FROM pg_proc
   WHERE pronamespace = 'pg_catalog'::regnamespace AND oid < 16384 GROUP BY proname
)
SELECT json_build_object(
    'types', (
      SELECT json_agg(concat_ws(' ', typname, oid, typarray, typcollation, typtype, (
          SELECT string_agg(casttarget::text, ',' ORDER BY casttarget) FROM pg_cast
           WHERE castsource = t.oid AND castmethod = 'b')) ORDER BY oid)
        FROM pg_type t
       WHERE typnamespace = 'pg_catalog'::regnamespace AND oid < 16384 AND typrelid = 0 AND typcategory <> 'A'),
    'volatileFunctions', (SELECT string_agg(proname, ' ' ORDER BY proname COLLATE "C") FROM built_in WHERE is_volatile),
    'otherFunctions', (SELECT string_agg(proname, ' ' ORDER BY proname COLLATE "C") FROM built_in WHERE NOT is_volatile)
  ) AS answer`;

export async function readBuiltIns(session: Session): Promise<unknown> {
  const { rows } = await session.query<{ answer: unknown }>(BUILT_INS);
  return rows[0]?.answer;
}

async function main(): Promise<void> {
  const database = new PgDatabase(parseDatabaseUrl(process.env.DATABASE_URL ?? ''));
  const answer = await withSession(database, { applicationName: 'godwit-built-ins' }, readBuiltIns);
  const file = join(__dirname, '..', 'lambda', 'sql', 'replay', 'built-ins.json');
  writeFileSync(file, `${JSON.stringify(answer, undefined, 2)}\n`);
}

if (require.main === module) void main();
