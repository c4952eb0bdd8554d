/** Finds drift where Prisma's comparison is blind: checks, partial and invalid indexes, views, functions, triggers. */
import type { EngineConnections, Side } from './driver-adapters';

export interface UnseenObject {
  readonly identity: string;
  readonly name: string;
  /** Prisma sees whether it is there, but not all of its definition. */
  readonly presenceIsSeen: boolean;
  readonly createSql: string;
  readonly dropSql: string;
}

/** Compared are the schemas that the history builds, as far as they are not Postgres's own. */
const SCHEMAS = `
  SELECT nspname AS name FROM pg_catalog.pg_namespace
  WHERE nspname NOT IN ('information_schema', '_godwit') AND NOT starts_with(nspname, 'pg_')`;

/** What belongs to an extension comes and goes with it. */
const OBJECTS = `
WITH space AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)),
  extension_owned AS (SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'),
  own_class AS (
    SELECT c.oid, c.relkind, c.relrowsecurity FROM pg_catalog.pg_class c
    WHERE c.relnamespace IN (SELECT oid FROM space)
      AND NOT EXISTS (SELECT FROM extension_owned e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid))
SELECT format('constraint %I on %s', con.conname, con.conrelid::regclass) AS identity, con.conname AS name,
  con.contype = 'f' AS "presenceIsSeen",
  format('ALTER TABLE %s ADD CONSTRAINT %I %s;', con.conrelid::regclass, con.conname, pg_get_constraintdef(con.oid)) AS "createSql",
  format('ALTER TABLE %s DROP CONSTRAINT %I;', con.conrelid::regclass, con.conname) AS "dropSql"
FROM pg_catalog.pg_constraint con JOIN own_class ON own_class.oid = con.conrelid
WHERE con.contype IN ('c', 'x', 'f') AND con.coninhcount = 0
UNION ALL
SELECT format('index %s', i.indexrelid::regclass), c.relname, i.indpred IS NULL AND i.indexprs IS NULL,
  pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN ';' ELSE '; -- and it is INVALID' END,
  format('DROP INDEX %s;', i.indexrelid::regclass)
FROM pg_catalog.pg_index i JOIN own_class ON own_class.oid = i.indrelid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint x WHERE x.conindid = i.indexrelid AND x.contype = 'x')
UNION ALL
SELECT format('view %s', oid::regclass), oid::regclass::text, false,
  format('CREATE %s %s AS %s', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, oid::regclass, pg_get_viewdef(oid)),
  format('DROP %s %s;', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, oid::regclass)
FROM own_class WHERE relkind IN ('v', 'm')
UNION ALL
SELECT format('trigger %I on %s', t.tgname, t.tgrelid::regclass), t.tgname, false,
  pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ';' ELSE format('; -- enabled: %s', t.tgenabled) END,
  format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::regclass)
FROM pg_catalog.pg_trigger t JOIN own_class ON own_class.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT format('row security of %s', oid::regclass), oid::regclass::text, false,
  format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', oid::regclass),
  format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY;', oid::regclass)
FROM own_class WHERE relrowsecurity
UNION ALL
SELECT format('function %s', p.oid::regprocedure), p.proname, false, pg_get_functiondef(p.oid) || ';',
  format('DROP ROUTINE %s;', p.oid::regprocedure)
FROM pg_catalog.pg_proc p
WHERE p.pronamespace IN (SELECT oid FROM space) AND p.prokind <> 'a'
  AND NOT EXISTS (SELECT FROM extension_owned e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
ORDER BY identity`;

/** After the engine has replayed the history in its shadow database. */
export async function unseenDrift(connections: EngineConnections, seen: string): Promise<string> {
  const schemas = await connections.query<{ name: string }>('shadow', SCHEMAS, []);
  const names = schemas.map(({ name }) => name);
  const objects = (side: Side): Promise<readonly UnseenObject[]> => connections.query(side, OBJECTS, [names]);
  return differenceOf(await objects('shadow'), await objects('main'), seen);
}

/** @param seen what Prisma's comparison has found: what that names is not said twice */
export function differenceOf(
  expected: readonly UnseenObject[],
  actual: readonly UnseenObject[],
  seen: string,
): string {
  const isSaid = ({ name }: UnseenObject): boolean => seen.includes(`"${name}"`);
  const before = new Map(expected.map((object) => [object.identity, object]));
  const after = new Map(actual.map((object) => [object.identity, object]));
  const gone = expected
    .filter((object) => !after.has(object.identity) && !object.presenceIsSeen && !isSaid(object))
    .map(({ dropSql }) => dropSql);
  const changed = actual.flatMap((object) => {
    const former = before.get(object.identity);
    if (isSaid(object) || former?.createSql === object.createSql) return [];
    if (former === undefined) return object.presenceIsSeen ? [] : [object.createSql];
    return [former.dropSql, object.createSql];
  });
  return [...gone, ...changed].join('\n');
}
