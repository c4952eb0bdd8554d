import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseInvariant } from '../../lambda/domain/invariant';

const root = resolve(__dirname, '../..');
const read = (...parts: string[]): string => readFileSync(join(root, ...parts), 'utf8');
const migrations = readdirSync(join(root, 'prisma/migrations'))
  .filter((name) => name !== 'migration_lock.toml')
  .sort();
const BASELINE = '20251103090000_init_production_schema';

interface ForeignKey {
  readonly table: string;
  readonly column: string;
  readonly references: string;
  readonly onDelete: 'Cascade' | 'Restrict' | 'SetNull';
}

const schema = read('prisma/schema.prisma');
const models = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) => ({
  name,
  body,
}));
const foreignKeys: readonly ForeignKey[] = models.flatMap(({ name, body }) =>
  [...body.matchAll(/^ {2}\w+ +(\w+)\?? +@relation\(.*fields: \[(\w+)\].*onDelete: (\w+)\)/gm)].map(
    ([, references = '', column = '', onDelete = '']) => ({
      table: name,
      column,
      references,
      onDelete: onDelete as ForeignKey['onDelete'],
    }),
  ),
);

/** Rows that cannot be computed again: what moved, what is held, what was measured or reported once. */
const TABLES_OF_RECORD = [
  'Wallet',
  'Token',
  'TokenBalance',
  'PriceSnapshot',
  'DigestRun',
  'GovernanceLock',
  'Bribe',
  'VotePowerSnapshot',
  'RewardClaim',
  'GammaswapPosition',
  'Alert',
  'Transaction',
  'PortfolioSnapshot',
  'PositionSnapshot',
  'RiskEvent',
  'WalletBalanceSnapshot',
  'GovernanceLockSnapshot',
  'RewardOpportunitySnapshot',
  'GammaswapPositionSnapshot',
];

function reachedByCascadeFrom(table: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = [table];
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (const key of foreignKeys) {
      if (key.references === from && key.onDelete === 'Cascade' && !reached.has(key.table)) {
        reached.add(key.table);
        waiting.push(key.table);
      }
    }
  }
  return reached;
}

describe('schema.prisma', () => {
  it('describes all tables and foreign keys of the data dictionary', () => {
    expect(models).toHaveLength(33);
    expect(foreignKeys).toHaveLength(75);
  });

  it.each(models.map(({ name }) => name))('lets no DELETE from %s reach a table of record', (name) => {
    const reached = reachedByCascadeFrom(name);
    expect(TABLES_OF_RECORD.filter((table) => reached.has(table))).toEqual([]);
  });
});

describe('the cascade review', () => {
  const review = read('docs/cascade-review.md');
  const words = { Cascade: 'CASCADE', Restrict: '**RESTRICT**', SetNull: 'SET NULL' } as const;

  it.each(foreignKeys.map((key) => [`${key.table}.${key.column}`, key] as const))(
    'decides on %s as the schema does',
    (_name, key) => {
      const decided = `| ${key.table} | ${key.column} | ${key.references} | ${key.onDelete === 'SetNull' ? 'SET NULL' : 'CASCADE'} | ${words[key.onDelete]} |`;
      expect(review).toContain(decided);
    },
  );

  it('is carried out for exactly the foreign keys that restrict', () => {
    const restricting = foreignKeys
      .filter((key) => key.onDelete === 'Restrict')
      .map((key) => `${key.table}_${key.column}_fkey`);
    const added = (file: string, verb: RegExp): string[] =>
      [...file.matchAll(verb)].map(([, name = '']) => name).sort();
    const restrict = read('prisma/migrations/20251117090000_restrict_financial_cascades/migration.sql');
    const validate = read('prisma/migrations/20251117090500_validate_financial_foreign_keys/migration.sql');
    expect(
      added(restrict, /ADD CONSTRAINT "(\w+)" .*ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;/g),
    ).toEqual(restricting.sort());
    expect(added(validate, /VALIDATE CONSTRAINT "(\w+)";/g)).toEqual(restricting.sort());
  });
});

describe('the migrations', () => {
  it.each(migrations)('%s has a way back, unless it is the first', (name) => {
    expect(existsSync(join(root, 'prisma/migrations', name, 'down.sql'))).toBe(name !== BASELINE);
  });

  it.each(migrations.filter((name) => name !== BASELINE))('%s holds no lock through a scan', (name) => {
    for (const file of ['migration.sql', 'down.sql']) {
      const sql = read('prisma/migrations', name, file).replace(/^--.*$/gm, '');
      for (const statement of sql
        .split(';')
        .map((text) => text.trim())
        .filter((text) => text !== '')) {
        expect(statement).toMatch(/^(ALTER TABLE|(CREATE|DROP) INDEX CONCURRENTLY) /);
        if (statement.includes('ADD CONSTRAINT')) expect(statement).toMatch(/ NOT VALID$/);
      }
    }
  });

  it('replaces constraints of several tables statement by statement only', () => {
    for (const name of migrations.filter((migration) => migration !== BASELINE)) {
      for (const file of ['migration.sql', 'down.sql']) {
        const sql = read('prisma/migrations', name, file);
        if (/(ADD|DROP) CONSTRAINT/.test(sql)) expect(sql).toMatch(/^-- godwit:stepwise because \S/);
      }
    }
  });
});

describe('the invariants', () => {
  const files = readdirSync(join(root, 'prisma/invariants')).sort();
  const invariants = files.map((file) => parseInvariant({ file, sql: read('prisma/invariants', file) }));

  it('have names of their own', () => {
    expect(new Set(invariants.map(({ name }) => name)).size).toBe(invariants.length);
  });

  it.each(invariants.map((invariant) => [invariant.file, invariant] as const))(
    '%s refers to one instant',
    (_file, { sql }) => {
      const query = sql.replace(/^--.*$/gm, '');
      expect(query).not.toMatch(/\bnow\(|current_timestamp|current_date|clock_timestamp/i);
      expect(query.trim()).toMatch(/^(SELECT|WITH)\b[^;]*;$/);
    },
  );

  it.each([
    'wallet_address_format',
    'balance_usd_non_negative',
    'health_ratio_bounds',
    'lock_ends_future',
    'price_positive',
  ])('ask for violations of the constraint %s', (constraint) => {
    expect(invariants.find(({ file }) => file === `${constraint}.sql`)).toMatchObject({
      expect: 'none',
      severity: 'error',
    });
    expect(read('prisma/migrations/20251110090000_check_constraints/migration.sql')).toContain(
      `ADD CONSTRAINT "${constraint}"`,
    );
  });
});
