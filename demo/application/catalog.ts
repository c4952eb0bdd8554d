/** Reads once what the requests will be about: a sample of wallets, tokens, balances and alerts, the same for the same data. */
import type { Pool } from 'pg';
import type { Catalog } from './requests';

const SAMPLE = 2000;

export async function readCatalog(pool: Pool): Promise<Catalog> {
  const wallets = await pool.query<{ id: string }>(`SELECT "id" FROM "Wallet" ORDER BY md5("id") LIMIT $1`, [
    SAMPLE,
  ]);
  const tokens = await pool.query<{ id: string; priceUsd: string | null }>(
    `SELECT "id", (SELECT "priceUsd" FROM "PriceSnapshot" WHERE "tokenId" = "Token"."id"
       ORDER BY "recordedAt" DESC LIMIT 1) AS "priceUsd"
     FROM "Token" ORDER BY md5("id") LIMIT $1`,
    [SAMPLE],
  );
  const prices = new Map(tokens.rows.map((token) => [token.id, priceOf(token.priceUsd)]));
  return {
    wallets: wallets.rows.map((wallet) => wallet.id),
    tokens: Array.from(prices, ([id, priceUsd]) => ({ id, priceUsd })),
    balances: await readBalances(
      pool,
      wallets.rows.map((wallet) => wallet.id),
      prices,
    ),
    alerts: await readAlerts(pool),
  };
}

/** Those that somebody still works on: what is resolved stays so. */
async function readAlerts(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT "id" FROM "Alert" WHERE "status" IN ('pending', 'acknowledged') ORDER BY md5("id") LIMIT $1`,
    [SAMPLE],
  );
  return rows.map((alert) => alert.id);
}

/** One balance of a wallet: whoever watches when a wallet was last written sees every one of these updates. */
async function readBalances(
  pool: Pool,
  wallets: readonly string[],
  prices: ReadonlyMap<string, number>,
): Promise<Catalog['balances']> {
  const { rows } = await pool.query<{ id: string; tokenId: string; quantity: string; decimals: number }>(
    `SELECT "balance"."id", "balance"."tokenId", "balance"."quantity", "Token"."decimals"
     FROM unnest($1::text[]) AS "sample" ("walletId")
     CROSS JOIN LATERAL (SELECT * FROM "TokenBalance" WHERE "TokenBalance"."walletId" = "sample"."walletId"
       ORDER BY "TokenBalance"."id" LIMIT 1) AS "balance"
     JOIN "Token" ON "Token"."id" = "balance"."tokenId"
     ORDER BY "balance"."id"`,
    [wallets],
  );
  return rows.map((row) => ({
    id: row.id,
    decimals: row.decimals,
    quantity: Number(row.quantity),
    priceUsd: prices.get(row.tokenId) ?? 1,
  }));
}

const priceOf = (price: string | null): number => {
  const value = Number(price ?? 1);
  return value > 0 && Number.isFinite(value) ? value : 1;
};
