/** Rules on code that runs unseen: in blocks and functions, and from now on at each write. */

import { nameParts, qualifiedName, rangeName, shown } from '../../sql/names';
import { summaryOf } from '../../sql/summary';
import { functionsCalled } from './hidden-code';
import { actionsNamed, listWords, tableWords } from './read';
import type { Fault, Rule, RuleContext } from './rule';

const ALERTS =
  'CREATE TABLE "Alert" (id int PRIMARY KEY, status text, "seenAt" timestamptz); CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS \'BEGIN NEW."seenAt" := now(); RETURN NEW; END\'; CREATE FUNCTION tidy() RETURNS void LANGUAGE plpgsql AS \'BEGIN NULL; END\'; INSERT INTO "Alert" VALUES (1, \'open\');';

const dynamicSql: Rule = {
  id: 'dynamic-sql',
  severity: 'warning',
  title: 'SQL that is composed while it runs',
  condition: 'A DO block, or a function that its own migration calls, EXECUTEs text that is not constant.',
  effect: 'What it locks, reads, writes and drops is not known before it runs: nothing here has judged it.',
  remedy: 'Write the statements out, one by one.',
  bad: {
    before: ALERTS,
    sql: "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN note text', t); END LOOP; END $$;",
  },
  good: { before: ALERTS, sql: 'ALTER TABLE "Alert" ADD COLUMN note text;' },
  find: ({ hidden }) => hidden.dynamic.map((subject) => ({ subject })),
};

const hiddenCode: Rule = {
  id: 'hidden-code',
  severity: 'warning',
  title: 'Code into which nobody looked',
  condition:
    'A statement calls a function or procedure that an earlier migration made, or a block in another language than PL/pgSQL.',
  effect: 'What it locks, reads and writes is not known before it runs: nothing here has judged it.',
  remedy: 'Write the statements out, one by one; or rehearse the migration, which observes what it locks.',
  bad: { before: ALERTS, sql: 'SELECT tidy();' },
  good: { before: ALERTS, sql: 'ALTER TABLE "Alert" ALTER COLUMN status SET DEFAULT \'open\';' },
  find(context) {
    const { statement, hidden, effects } = context;
    const unread = hidden.unread.map((subject) => ({ subject }));
    if (!effects.opaque || !['SelectStmt', 'CallStmt'].includes(statement.kind)) return unread;
    const made = context.script.statements.flatMap(({ node }) =>
      'CreateFunctionStmt' in node
        ? [(node.CreateFunctionStmt.funcname ?? []).flatMap(nameParts).at(-1)]
        : [],
    );
    const called = functionsCalled(statement.node).filter((name) => {
      const known = context.catalog.functionsNamed(name);
      return !made.includes(name.name) && (known.length === 0 || known.some(({ isBuiltIn }) => !isBuiltIn));
    });
    return [...unread, ...called.map((name): Fault => ({ subject: `${tableWords(name)}()` }))];
  },
};

const EVENTS: readonly (readonly [bit: number, word: string])[] = [
  [4, 'insert'],
  [8, 'delete'],
  [16, 'update'],
  [32, 'truncate'],
];

const triggerAdded: Rule = {
  id: 'trigger-changes-writes',
  on: ['CreateTrigStmt'],
  severity: 'info',
  title: 'A trigger on a table in use',
  condition: 'A trigger is made on a table that was there before the migration.',
  effect:
    'ShareRowExclusiveLock for a moment; from then on each such write runs its function, for every release that is running.',
  remedy: 'See to it that the function is fast and fails for no row that the previous release writes.',
  bad: {
    before: ALERTS,
    sql: 'CREATE TRIGGER "Alert_stamp" BEFORE UPDATE ON "Alert" FOR EACH ROW EXECUTE FUNCTION stamp();',
  },
  good: { before: ALERTS, sql: 'DROP TRIGGER IF EXISTS "Alert_stamp" ON "Alert";' },
  find(context) {
    const { node } = context.statement;
    if (!('CreateTrigStmt' in node)) return [];
    const { relation, trigname = '', events = 0, funcname } = node.CreateTrigStmt;
    const name = rangeName(relation);
    const table = context.catalog.find(name);
    if (table === undefined || context.isNew(table.oid)) return [];
    const words = EVENTS.filter(([bit]) => (events & bit) !== 0).map(([, word]) => word);
    const called = tableWords(qualifiedName((funcname ?? []).flatMap(nameParts)));
    return [
      {
        subject: `${shown(trigname)} on ${tableWords(name)}`,
        effect: `ShareRowExclusiveLock for a moment; from then on each ${words.join(' or ')} runs ${called}(), for every release that is running.`,
      },
    ];
  },
};

const ruleAdded: Rule = {
  id: 'rule-rewrites-writes',
  on: ['RuleStmt'],
  severity: 'warning',
  title: 'A rule on a table in use',
  condition: 'CREATE RULE on a table that was there before the migration.',
  effect:
    'Queries are written anew by it: an INSERT may become nothing, an UPDATE two, volatile arguments are evaluated twice, and RETURNING, on which Prisma relies, fails unless the rule provides it.',
  remedy: 'A trigger, which sees rows and not queries.',
  bad: { before: ALERTS, sql: 'CREATE RULE keep AS ON DELETE TO "Alert" DO INSTEAD NOTHING;' },
  good: { before: ALERTS, sql: 'CREATE VIEW open_alerts AS SELECT id FROM "Alert" WHERE status = \'open\';' },
  find(context) {
    const { node } = context.statement;
    if (!('RuleStmt' in node)) return [];
    const table = context.catalog.find(rangeName(node.RuleStmt.relation));
    const isOfTable = table === undefined || (!context.isNew(table.oid) && table.kind !== 'view');
    return isOfTable
      ? [
          {
            subject: `${shown(node.RuleStmt.rulename ?? '')} on ${tableWords(rangeName(node.RuleStmt.relation))}`,
          },
        ]
      : [];
  },
};

const rowSecurity: Rule = {
  id: 'row-security-hides-rows',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'Row security without a policy',
  condition:
    'ROW LEVEL SECURITY is enabled or forced on a table that was there before, and there is no policy.',
  effect:
    'Every role but the owner (with FORCE, the owner, too) finds the table empty and can write nothing, from this moment on.',
  remedy: 'CREATE POLICY first, in the same migration.',
  bad: { before: ALERTS, sql: 'ALTER TABLE "Alert" ENABLE ROW LEVEL SECURITY;' },
  good: {
    before: ALERTS,
    sql: 'CREATE POLICY everyone ON "Alert" USING (true);\nALTER TABLE "Alert" ENABLE ROW LEVEL SECURITY;',
  },
  find(context) {
    const set = [
      ...actionsNamed(context, 'AT_EnableRowSecurity'),
      ...actionsNamed(context, 'AT_ForceRowSecurity'),
    ];
    return set.flatMap(({ name, table }): Fault[] => {
      const isPolicyThere =
        table !== undefined && context.catalog.dependentsOf(table).some(({ kind }) => kind === 'policy');
      return isPolicyThere || isPolicyMade(context, name.name) ? [] : [{ subject: tableWords(name) }];
    });
  },
};

const isPolicyMade = ({ script }: RuleContext, table: string): boolean =>
  script.statements.some(
    ({ node }) => 'CreatePolicyStmt' in node && node.CreatePolicyStmt.table?.relname === table,
  );

const revoke: Rule = {
  id: 'revoke',
  on: ['GrantStmt'],
  severity: 'warning',
  title: 'REVOKE',
  condition: 'Rights are taken away.',
  effect: 'Statements of the previous release that need them fail (42501) from this moment on.',
  remedy: 'Take them away in a migration of its own, after the release that no longer needs them.',
  bad: { before: ALERTS, sql: 'REVOKE SELECT ON "Alert" FROM PUBLIC;' },
  good: { before: ALERTS, sql: 'GRANT SELECT ON "Alert" TO PUBLIC;' },
  find: ({ statement }) =>
    'GrantStmt' in statement.node && statement.node.GrantStmt.is_grant !== true
      ? [{ subject: summaryOf(statement) }]
      : [],
};

const replicaIdentity: Rule = {
  id: 'replica-identity',
  on: ['AlterTableStmt', 'CreatePublicationStmt'],
  severity: 'warning',
  title: 'Changes that replication cannot tell apart',
  condition: 'REPLICA IDENTITY NOTHING or FULL, or a publication of tables that have no primary key.',
  effect:
    'Without an identity every UPDATE and DELETE of a published table is refused (55000); with FULL each writes the whole old row to the log.',
  remedy: 'Give the table a primary key, or name a unique index: REPLICA IDENTITY USING INDEX.',
  bad: { before: ALERTS, sql: 'ALTER TABLE "Alert" REPLICA IDENTITY NOTHING;' },
  good: { before: ALERTS, sql: 'ALTER TABLE "Alert" REPLICA IDENTITY DEFAULT;' },
  find(context) {
    const set = actionsNamed(context, 'AT_ReplicaIdentity').flatMap(({ name, command }): Fault[] => {
      const type =
        command.def !== undefined && 'ReplicaIdentityStmt' in command.def
          ? command.def.ReplicaIdentityStmt.identity_type
          : undefined;
      if (type !== 'n' && type !== 'f') return [];
      return [{ subject: tableWords(name), severity: type === 'n' ? 'error' : 'warning' }];
    });
    return [...set, ...publishedWithoutKey(context)];
  },
};

function publishedWithoutKey(context: RuleContext): readonly Fault[] {
  const { node } = context.statement;
  if (!('CreatePublicationStmt' in node)) return [];
  const { for_all_tables, pubobjects = [], pubname = '' } = node.CreatePublicationStmt;
  const tables =
    for_all_tables === true
      ? context.catalog.rows.relations.filter(({ kind }) => kind === 'table')
      : pubobjects.flatMap((object) =>
          'PublicationObjSpec' in object && object.PublicationObjSpec.pubtable !== undefined
            ? (context.catalog.find(rangeName(object.PublicationObjSpec.pubtable.relation)) ?? [])
            : [],
        );
  const bare = tables.filter(
    (table) => !context.isAssumed(table.oid) && !table.constraints.some(({ kind }) => kind === 'primary key'),
  );
  if (bare.length === 0) return [];
  return [
    {
      subject: `publication ${shown(pubname)}`,
      effect: `No primary key: ${listWords(bare.map(({ name }) => tableWords(name)))}. ${replicaIdentity.effect}`,
      severity: 'error',
    },
  ];
}

export const HIDDEN_RULES: readonly Rule[] = [
  dynamicSql,
  hiddenCode,
  triggerAdded,
  ruleAdded,
  rowSecurity,
  revoke,
  replicaIdentity,
];
