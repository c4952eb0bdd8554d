-- invariant: Governance locks per wallet
-- severity: error
-- expect: same
-- key: walletId
-- written: last_written_at
-- description: Amounts, voting power and expiry of each wallet's locks.
--   Expiry is judged at the same instant in both readings, so a lock that runs out during the migration is no difference.
SELECT
  gl."walletId",
  count(*) AS lock_count,
  sum(gl."lockAmount") AS lock_amount,
  sum(gl."votingPower") AS voting_power,
  count(*) FILTER (WHERE gl."lockEndsAt" < clock.as_of) AS expired,
  count(*) FILTER (WHERE gl."lockEndsAt" >= clock.as_of AND gl."lockEndsAt" < clock.as_of + interval '7 days') AS expiring_soon,
  count(*) FILTER (WHERE gl."lockEndsAt" >= clock.as_of + interval '7 days') AS active,
  count(*) FILTER (WHERE gl."lockEndsAt" IS NULL) AS permanent,
  max(gl."updatedAt") AS last_written_at
FROM "GovernanceLock" gl
CROSS JOIN (SELECT current_setting('godwit.as_of')::timestamp AS as_of) AS clock
GROUP BY gl."walletId";
