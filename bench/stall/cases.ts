/** The migrations that are measured: as Prisma generates them, and as Godwit is given them. */

export const CASES = [
  'index',
  'foreign-key',
  'backfill',
  'lock-queue',
  'rotating-250',
  'rotating-100',
] as const;
export type CaseName = (typeof CASES)[number];

export interface MigrationCase {
  /** For the naive runners. */
  readonly asGenerated: string;
  /** The same end state, one statement each. */
  readonly online: readonly string[];
  /** What stands above the statements in Godwit's file. */
  readonly directive?: string;
  readonly maxBlockingMs: number;
  readonly giveUpAfterMs: number;
}

const POLICY = { maxBlockingMs: 100, giveUpAfterMs: 60_000 } as const;
const ADD_COLUMN = 'ALTER TABLE "TokenBalance" ADD COLUMN "note" TEXT';
const INDEX = '"TokenBalance_walletId_quantity_idx" ON "TokenBalance"("walletId", "quantity")';
const FOREIGN_KEY = `ALTER TABLE "TokenBalance" ADD CONSTRAINT "TokenBalance_walletId_fkey"
  FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE RESTRICT ON UPDATE CASCADE`;
const BACKFILL = 'UPDATE "TokenBalance" SET "usdValue" = "quantity" * "priceUsd" WHERE "usdValue" IS NULL';

export const MIGRATIONS: Readonly<Record<CaseName, MigrationCase>> = {
  index: {
    asGenerated: `CREATE INDEX ${INDEX}`,
    online: [`CREATE INDEX CONCURRENTLY ${INDEX}`],
    ...POLICY,
  },
  'foreign-key': {
    asGenerated: FOREIGN_KEY,
    online: [
      `${FOREIGN_KEY} NOT VALID`,
      'ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_walletId_fkey"',
    ],
    directive:
      "-- godwit:stepwise because in one transaction the first statement's lock would last through the second",
    ...POLICY,
  },
  backfill: { asGenerated: BACKFILL, online: [BACKFILL], directive: '-- godwit:backfill', ...POLICY },
  'lock-queue': { asGenerated: ADD_COLUMN, online: [ADD_COLUMN], ...POLICY },
  'rotating-250': { asGenerated: ADD_COLUMN, online: [ADD_COLUMN], ...POLICY, maxBlockingMs: 250 },
  // Less than these holders make possible.
  'rotating-100': { asGenerated: ADD_COLUMN, online: [ADD_COLUMN], ...POLICY, giveUpAfterMs: 5_000 },
};

export const migrationName = (name: CaseName): string => `20251201090000_${name.replace('-', '_')}`;

export const godwitSql = ({ directive, online }: MigrationCase): string =>
  `${directive === undefined ? '' : `${directive}\n`}${online.join(';\n')};\n`;
