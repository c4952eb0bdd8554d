-- invariant: Reward claims per wallet
-- severity: error
-- expect: same
-- key: walletId
-- description: Claims are money received and are only ever added.
--   They carry the chain's time alone, and a claim may be recorded late, so the last day is left out.
SELECT
  "walletId",
  count(*) AS claim_count,
  sum("amount") AS total_amount,
  sum("usdValue") AS total_usd,
  sum("gasSpentUsd") AS gas_spent_usd,
  max("claimedAt") AS last_claimed_at
FROM "RewardClaim"
WHERE "claimedAt" < current_setting('godwit.as_of')::timestamp - interval '1 day'
GROUP BY "walletId";
