-- invariant: Transactions per wallet
-- severity: error
-- expect: same
-- key: walletId
-- written: last_written_at
-- description: The ledger of every wallet: how many transactions, of how much, at what price and cost.
SELECT
  "walletId",
  count(*) AS transaction_count,
  sum("amount") AS total_amount,
  sum("priceUsd") AS price_sum,
  sum("gasSpentUsd") AS gas_spent_usd,
  min("occurredAt") AS first_occurred_at,
  max("occurredAt") AS last_occurred_at,
  max("updatedAt") AS last_written_at
FROM "Transaction"
GROUP BY "walletId";
