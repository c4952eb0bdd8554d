/** Findings about the server itself: may this role change the schema here, and does the server take writes? */
import type { Finding } from '../domain/finding';
import type { Session } from '../ports/database';
import { quoted } from '../sql/names';

/** Oldest server whose behaviour Godwit's facts about locks and transactions were checked against. */
const OLDEST_SUPPORTED = 130_000;

interface ServerFacts {
  readonly version: number;
  readonly in_recovery: boolean;
  readonly read_only_setting: string | null;
  readonly read_only_remedy: string | null;
  readonly role: string;
  readonly database: string;
  readonly schema: string | null;
  readonly search_path: string;
  readonly may_create_in_schema: boolean | null;
  readonly may_create_in_database: boolean;
  readonly foreign_tables: readonly string[] | null;
}

export async function checkServer(session: Session): Promise<readonly Finding[]> {
  const { rows } = await session.query<ServerFacts>(SERVER_FACTS);
  const facts = rows[0];
  return facts ? [...versionFindings(facts), ...readOnlyFindings(facts), ...rightsFindings(facts)] : [];
}

function versionFindings(facts: ServerFacts): readonly Finding[] {
  if (facts.version >= OLDEST_SUPPORTED) return [];
  return [
    {
      id: 'server-too-old',
      severity: 'error',
      subject: `Postgres ${Math.floor(facts.version / 10_000)}`,
      effect: 'its locking and transaction rules are older than those that Godwit knows',
      remedy: 'Upgrade the server to Postgres 13 or newer.',
    },
  ];
}

function readOnlyFindings(facts: ServerFacts): readonly Finding[] {
  if (facts.in_recovery) {
    return [
      {
        id: 'server-in-recovery',
        severity: 'error',
        subject: facts.database,
        effect: 'the server is a replica or still recovering: it takes no writes',
        remedy: 'Point DATABASE_URL at the primary.',
      },
    ];
  }
  if (facts.read_only_setting === null) return [];
  return [
    {
      id: 'database-read-only',
      severity: 'error',
      subject: facts.database,
      effect: `${facts.read_only_setting} makes every transaction read-only: writes are fenced`,
      remedy: `If a run was held, decide about it first ("godwit runs list"); otherwise ${facts.read_only_remedy}.`,
    },
  ];
}

function rightsFindings(facts: ServerFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const lacking = (subject: string, effect: string, remedy: string): void => {
    findings.push({ id: 'insufficient-rights', severity: 'error', subject, effect, remedy });
  };
  if (facts.schema === null) {
    lacking(
      `role ${facts.role}`,
      `finds no schema that it may use in its search path ${facts.search_path}`,
      `Create the schema, or GRANT USAGE, CREATE ON it TO ${quoted(facts.role)}.`,
    );
  } else if (!facts.may_create_in_schema) {
    lacking(
      `role ${facts.role}`,
      `may not create objects in schema ${facts.schema}`,
      `GRANT USAGE, CREATE ON SCHEMA ${quoted(facts.schema)} TO ${quoted(facts.role)}.`,
    );
  }
  if (!facts.may_create_in_database) {
    lacking(
      `role ${facts.role}`,
      `may not create schemas in ${facts.database}, where Godwit keeps its statement journal`,
      `GRANT CREATE ON DATABASE ${quoted(facts.database)} TO ${quoted(facts.role)}.`,
    );
  }
  if (facts.foreign_tables && facts.foreign_tables.length > 0) {
    lacking(
      `role ${facts.role}`,
      `does not own ${facts.foreign_tables.slice(0, 5).join(', ')}${facts.foreign_tables.length > 5 ? ' and others' : ''}: ALTER TABLE needs ownership`,
      `GRANT the owning role to ${quoted(facts.role)}.`,
    );
  }
  return findings;
}

const SERVER_FACTS = `
select current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery,
       fence.setting as read_only_setting,
       fence.remedy as read_only_remedy,
       current_user::text as role,
       current_database()::text as database,
       current_schema()::text as schema,
       current_setting('search_path') as search_path,
       has_schema_privilege(current_schema(), 'CREATE') as may_create_in_schema,
       has_database_privilege(current_database(), 'CREATE') as may_create_in_database,
       (select array_agg(format('%I', c.relname) order by c.relname)
          from pg_class c
         where c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
           and c.relkind in ('r', 'p')
           and not pg_has_role(c.relowner, 'USAGE')
           and not exists (select from pg_depend d
                            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')) as foreign_tables
  from (select) as one
  left join lateral (
    select format('a setting of %s', owner) as setting, format('ALTER %s RESET default_transaction_read_only', owner) as remedy
      from pg_db_role_setting s
      -- Written as it was given: on, true and 1 mean the same.
      join unnest(s.setconfig) as config
        on case when starts_with(config, 'default_transaction_read_only=') then split_part(config, '=', 2)::boolean end
      left join pg_database d on d.oid = s.setdatabase
      left join pg_roles r on r.oid = s.setrole
     cross join lateral (select concat_ws(' ',
             case when s.setrole <> 0 then format('ROLE %I', r.rolname) when s.setdatabase = 0 then 'ROLE ALL' end,
             case when s.setrole <> 0 and s.setdatabase <> 0 then 'IN' end,
             case when s.setdatabase <> 0 then format('DATABASE %I', d.datname) end) as owner) as settings
     where (s.setdatabase = 0 or d.datname = current_database()) and (s.setrole = 0 or r.rolname = current_user)
     order by s.setrole, s.setdatabase
     limit 1) as fence on true`;
