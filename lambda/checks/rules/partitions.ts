/** Rules on partitions, domains and enums. */
import { nameParts, qualifiedName, rangeName, shownName } from '../../sql/names';
import type { SqlStatement } from '../../sql/parse';
import { mentions } from '../../sql/search';
import { summaryOf } from '../../sql/summary';
import { actionsNamed, commandsOf, listWords, scannedTables, tableWords } from './read';
import type { Rule, RuleContext } from './rule';

const PARTED =
  "CREATE TABLE price (at date NOT NULL, usd numeric) PARTITION BY RANGE (at); CREATE TABLE price_2025 PARTITION OF price FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE price_2026 (at date NOT NULL, usd numeric); INSERT INTO price VALUES ('2025-05-01', 1); INSERT INTO price_2026 VALUES ('2026-05-01', 1);";

const attachScans: Rule = {
  id: 'attach-scans',
  on: ['AlterTableStmt', 'CreateStmt'],
  severity: 'error',
  title: 'A partition whose rows are looked through under lock',
  condition:
    'A table with rows is attached as a partition and no validated CHECK says that they are within its bounds; or the default partition has rows that might belong into the new one.',
  effect: 'AccessExclusiveLock on the table, or on the default partition, while all its rows are read.',
  remedy:
    'ADD CONSTRAINT … CHECK (the bounds, and NOT NULL) NOT VALID, then VALIDATE it, before; drop it after ATTACH. For a default partition, a CHECK that excludes the new bounds.',
  weight: 'work',
  bad: {
    before: PARTED,
    sql: "ALTER TABLE price ATTACH PARTITION price_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
  },
  good: {
    before: `${PARTED} ALTER TABLE price_2026 ADD CONSTRAINT bounds CHECK (at >= '2026-01-01' AND at < '2027-01-01' AND at IS NOT NULL);`,
    sql: "ALTER TABLE price ATTACH PARTITION price_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
  },
  find(context) {
    const { node } = context.statement;
    const attaches = commandsOf(node).some(({ subtype }) => subtype === 'AT_AttachPartition');
    const isPartition = 'CreateStmt' in node && node.CreateStmt.partbound !== undefined;
    if (!attaches && !isPartition) return [];
    const read = scannedTables(context).filter(
      ({ constraints }) => !constraints.some(({ kind, validated }) => kind === 'check' && validated),
    );
    return read.map(({ name }) => ({ subject: tableWords(name) }));
  },
};

const detachBlocks: Rule = {
  id: 'detach-blocks',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'DETACH PARTITION without CONCURRENTLY',
  condition: 'A partition is detached from a table that was there before the migration.',
  effect:
    'AccessExclusiveLock on the partitioned table: all its readers and writers wait, of whatever partition.',
  remedy:
    'DETACH PARTITION … CONCURRENTLY, in a migration of its own; it is refused where there is a default partition.',
  bad: { before: PARTED, sql: 'ALTER TABLE price DETACH PARTITION price_2025;' },
  good: { before: PARTED, sql: 'ALTER TABLE price DETACH PARTITION price_2025 CONCURRENTLY;' },
  find: (context) =>
    actionsNamed(context, 'AT_DetachPartition')
      .filter(
        ({ command: { def } }) =>
          def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent !== true,
      )
      .map(({ name }) => ({ subject: tableWords(name) })),
};

const domainScans: Rule = {
  id: 'domain-constraint-scans',
  on: ['AlterDomainStmt'],
  severity: 'error',
  title: 'A domain whose new constraint reads tables',
  condition: 'A constraint or NOT NULL is added to a domain that columns have, without NOT VALID.',
  effect:
    'Every table with a column of the domain is locked against writes (ShareLock) and read, all in one transaction.',
  remedy:
    'ALTER DOMAIN … ADD CONSTRAINT … NOT VALID, which binds new values; then VALIDATE CONSTRAINT apart.',
  weight: 'work',
  bad: {
    before:
      "CREATE DOMAIN address AS text; CREATE TABLE wallet (id int PRIMARY KEY, a address); INSERT INTO wallet VALUES (1, '0x1');",
    sql: "ALTER DOMAIN address ADD CONSTRAINT hex CHECK (VALUE LIKE '0x%');",
  },
  good: {
    before:
      "CREATE DOMAIN address AS text; CREATE TABLE wallet (id int PRIMARY KEY, a address); INSERT INTO wallet VALUES (1, '0x1');",
    sql: "ALTER DOMAIN address ADD CONSTRAINT hex CHECK (VALUE LIKE '0x%') NOT VALID;",
  },
  find(context) {
    const { node } = context.statement;
    if (!('AlterDomainStmt' in node) || node.AlterDomainStmt.subtype === 'V') return [];
    const tables = scannedTables(context);
    if (tables.length === 0)
      return ofUnknownDomain(context) ? [{ subject: summaryOf(context.statement) }] : [];
    const subject = shownName(qualifiedName((node.AlterDomainStmt.typeName ?? []).flatMap(nameParts)));
    return [{ subject, effect: `${listWords(tables.map(({ name }) => tableWords(name)))}: ${this.effect}` }];
  },
};

/** Nobody saw it being made: columns may have it. */
function ofUnknownDomain({ statement: { node }, catalog, knowsAll }: RuleContext): boolean {
  if (!('AlterDomainStmt' in node) || knowsAll) return false;
  const { subtype, def, typeName = [] } = node.AlterDomainStmt;
  const isUnchecked = def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true;
  const binds = (subtype === 'C' && !isUnchecked) || subtype === 'O';
  return binds && catalog.findType(qualifiedName(typeName.flatMap(nameParts))) === undefined;
}

const enumUsedAtOnce: Rule = {
  id: 'enum-value-used-at-once',
  on: ['AlterEnumStmt'],
  severity: 'warning',
  title: 'A new enum value used in its own migration',
  condition: 'ALTER TYPE … ADD VALUE, and a later statement of the same file names the value.',
  effect:
    'Postgres allows its use only after it is committed (55P04). Godwit therefore runs the file statement by statement, each committed by itself: when a later one fails, the earlier ones stay.',
  remedy: 'Put ADD VALUE into a migration of its own, before this one.',
  bad: {
    before: "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE person (id int PRIMARY KEY, mood mood);",
    sql: "ALTER TYPE mood ADD VALUE 'great';\nALTER TABLE person ALTER COLUMN mood SET DEFAULT 'great';",
  },
  good: {
    before: "CREATE TYPE mood AS ENUM ('ok', 'great'); CREATE TABLE person (id int PRIMARY KEY, mood mood);",
    sql: "ALTER TABLE person ALTER COLUMN mood SET DEFAULT 'great';",
  },
  find({ statement: { node }, script, index }) {
    if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal !== undefined) return [];
    const value = node.AlterEnumStmt.newVal ?? '';
    const user = script.statements.slice(index + 1).find((later) => mentions(later.node, value));
    return user === undefined
      ? []
      : [{ subject: `'${value}'`, effect: `Line ${user.line} uses it. ${this.effect}` }];
  },
};

const ADVICE: Readonly<Record<string, string>> = {
  money: 'money depends on the locale of the server and has two decimals: numeric',
  bpchar: 'char(n) is padded with blanks, and no faster: text, or varchar(n)',
  timestamp:
    'timestamp without time zone leaves open which instant is meant: timestamptz (@db.Timestamptz in Prisma)',
  timetz: 'time with time zone has an offset without a date: timestamptz',
  json: 'json has no equality, and so DISTINCT and GROUP BY fail: jsonb',
  serial: 'serial is a default and a sequence with rights of its own: GENERATED BY DEFAULT AS IDENTITY',
  bigserial: 'bigserial is a default and a sequence with rights of its own: GENERATED BY DEFAULT AS IDENTITY',
};

const typeAdvice: Rule = {
  id: 'column-type',
  on: ['CreateStmt', 'AlterTableStmt'],
  severity: 'info',
  title: 'A type with a better one beside it',
  condition:
    'A column is made of type char(n), timestamp without time zone, money, json, serial or time with time zone.',
  effect: 'It works, with surprises.',
  remedy: 'Choose the other type while the column is still empty; changing it later writes the table anew.',
  bad: { sql: 'CREATE TABLE "Fee" (id int PRIMARY KEY, amount money);' },
  good: { sql: 'CREATE TABLE "Fee" (id int PRIMARY KEY, amount numeric(20, 8), at timestamptz);' },
  find(context) {
    const before = context.earlier.flatMap(({ statement }) => madeTypes(statement));
    // Once a migration: a schema that has it once has it everywhere.
    const types = madeTypes(context.statement).filter((type) => !before.includes(type));
    const said = Object.entries(ADVICE).flatMap(([type, words]) => (types.includes(type) ? [words] : []));
    const { node } = context.statement;
    const relation =
      'CreateStmt' in node
        ? node.CreateStmt.relation
        : 'AlterTableStmt' in node
          ? node.AlterTableStmt.relation
          : undefined;
    return said.length === 0
      ? []
      : [{ subject: tableWords(rangeName(relation)), effect: `${said.join('; ')}.` }];
  },
};

function madeTypes({ node }: SqlStatement): readonly string[] {
  const elements = 'CreateStmt' in node ? (node.CreateStmt.tableElts ?? []) : [];
  const added = commandsOf(node).flatMap(({ subtype, def }) =>
    subtype === 'AT_AddColumn' && def !== undefined ? [def] : [],
  );
  return [...elements, ...added].flatMap((element) =>
    'ColumnDef' in element ? (element.ColumnDef.typeName?.names ?? []).flatMap(nameParts).slice(-1) : [],
  );
}

export const PARTITION_RULES: readonly Rule[] = [
  attachScans,
  detachBlocks,
  domainScans,
  enumUsedAtOnce,
  typeAdvice,
];
