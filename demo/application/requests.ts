/** WeDefiDaily's everyday requests: what the dashboard reads, and what the collectors write. */
import { randomUUID } from 'node:crypto';
import type { Random } from './random';

export interface Request {
  readonly kind: keyof typeof SHARES;
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface Balance {
  readonly id: string;
  readonly decimals: number;
  readonly quantity: number;
  readonly priceUsd: number;
}

/** What the application knows of the database before it starts. */
export interface Catalog {
  readonly wallets: readonly string[];
  readonly tokens: readonly { readonly id: string; readonly priceUsd: number }[];
  /** At most one of each wallet. */
  readonly balances: readonly Balance[];
  readonly alerts: readonly string[];
}

/** Of a hundred requests. */
export const SHARES = {
  portfolioTotal: 34,
  balancesOfWallet: 16,
  latestPrice: 16,
  openAlerts: 8,
  updateBalance: 14,
  recordPrice: 6,
  recordTransaction: 4,
  changeAlert: 2,
} as const;

const KINDS = Object.entries(SHARES) as readonly (readonly [Request['kind'], number])[];

/** Nothing where the database holds no row that such a request would be about. */
export function nextRequest(catalog: Catalog, random: Random, now: Date): Request | undefined {
  const kind = pickKind(random);
  const statement = STATEMENTS[kind](catalog, random, now);
  return statement && { kind, ...statement };
}

function pickKind(random: Random): Request['kind'] {
  let left = random.below(100);
  for (const [kind, share] of KINDS) {
    if (left < share) return kind;
    left -= share;
  }
  return 'portfolioTotal';
}

type Statement = { readonly sql: string; readonly values: readonly unknown[] } | undefined;

const STATEMENTS: Readonly<
  Record<Request['kind'], (catalog: Catalog, random: Random, now: Date) => Statement>
> = {
  portfolioTotal: ({ wallets }, random) => {
    const wallet = random.pick(wallets);
    return wallet === undefined
      ? undefined
      : {
          sql: `SELECT COUNT(*) AS "balances", COALESCE(SUM("usdValue"), 0) AS "totalUsd"
                FROM "TokenBalance" WHERE "walletId" = $1`,
          values: [wallet],
        };
  },

  balancesOfWallet: ({ wallets }, random) => {
    const wallet = random.pick(wallets);
    return wallet === undefined
      ? undefined
      : {
          sql: `SELECT "id", "tokenId", "rawBalance", "quantity", "usdValue", "fetchedAt"
                FROM "TokenBalance" WHERE "walletId" = $1 ORDER BY "usdValue" DESC NULLS LAST LIMIT 50`,
          values: [wallet],
        };
  },

  latestPrice: ({ tokens }, random) => {
    const token = random.pick(tokens);
    return token === undefined
      ? undefined
      : {
          sql: `SELECT "priceUsd", "recordedAt" FROM "PriceSnapshot"
                WHERE "tokenId" = $1 ORDER BY "recordedAt" DESC LIMIT 1`,
          values: [token.id],
        };
  },

  openAlerts: () => ({
    sql: `SELECT "id", "type", "severity", "title" FROM "Alert"
          WHERE "status" = 'pending' ORDER BY "triggerAt" DESC LIMIT 20`,
    values: [],
  }),

  updateBalance: ({ balances }, random, now) => {
    const balance = random.pick(balances);
    if (balance === undefined) return undefined;
    const amount = balanceAfter(balance, random);
    // Prisma's client sets "updatedAt" itself, in UTC; so does this one.
    return {
      sql: `UPDATE "TokenBalance" SET "rawBalance" = $2, "quantity" = $3, "usdValue" = $4, "blockNumber" = $5,
            "fetchedAt" = $6, "updatedAt" = $6 WHERE "id" = $1`,
      values: [
        balance.id,
        amount.raw,
        amount.quantity,
        amount.usdValue,
        blockNumberAt(now),
        utcTimestamp(now),
      ],
    };
  },

  recordPrice: ({ tokens }, random, now) => {
    const token = random.pick(tokens);
    return token === undefined
      ? undefined
      : {
          sql: `INSERT INTO "PriceSnapshot" ("id", "tokenId", "priceUsd", "source", "recordedAt")
                VALUES ($1, $2, $3, 'coingecko', $4)`,
          values: [randomUUID(), token.id, priceNear(token.priceUsd, random), utcTimestamp(now)],
        };
  },

  recordTransaction: ({ wallets, tokens }, random, now) => {
    const wallet = random.pick(wallets);
    const token = random.pick(tokens);
    if (wallet === undefined || token === undefined) return undefined;
    const type = random.pick(['swap', 'transfer', 'deposit', 'withdraw'] as const);
    return {
      sql: `INSERT INTO "Transaction" ("id", "walletId", "tokenId", "transactionHash", "blockNumber",
            "transactionType", "amount", "priceUsd", "gasSpentUsd", "occurredAt", "updatedAt")
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
      values: [
        randomUUID(),
        wallet,
        token.id,
        // Not from the seeded numbers: a second application on the same database must not repeat a hash.
        `0x${randomUUID().replaceAll('-', '')}${random.hex(32)}`,
        blockNumberAt(now),
        type,
        random.between(0.01, 500).toFixed(6),
        priceNear(token.priceUsd, random),
        random.between(0.01, 4).toFixed(4),
        utcTimestamp(now),
      ],
    };
  },

  changeAlert: ({ alerts }, random, now) => {
    const alert = random.pick(alerts);
    return alert === undefined
      ? undefined
      : {
          sql: `UPDATE "Alert" SET "status" = CASE "status" WHEN 'pending' THEN 'acknowledged' ELSE 'pending' END,
                "updatedAt" = $2 WHERE "id" = $1`,
          values: [alert, utcTimestamp(now)],
        };
  },
};

/** The columns are without time zone: a Date would be sent in the zone of this machine. */
export const utcTimestamp = (time: Date): string => time.toISOString().slice(0, -1).replace('T', ' ');

/** A few percent more or less than it was; the raw balance, the quantity and the value in dollars agree. */
export function balanceAfter(
  balance: Balance,
  random: Random,
): { readonly raw: string; readonly quantity: string; readonly usdValue: string } {
  const digits = Math.min(6, balance.decimals);
  const quantity = Math.max(0, balance.quantity * random.between(0.97, 1.03)).toFixed(digits);
  const raw = BigInt(quantity.replace('.', '')) * 10n ** BigInt(balance.decimals - digits);
  return { raw: raw.toString(), quantity, usdValue: (Number(quantity) * balance.priceUsd).toFixed(8) };
}

const priceNear = (priceUsd: number, random: Random): string =>
  Math.max(1e-12, priceUsd * random.between(0.99, 1.01)).toFixed(12);

/** Base produces a block every two seconds. */
const blockNumberAt = (now: Date): string =>
  String(20_000_000 + Math.floor((now.getTime() - 1_727_000_000_000) / 2000));
