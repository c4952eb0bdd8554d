-- The portfolio page: what every wallet is worth, the largest first.
-- Its plan is compared before and after a migration with plain EXPLAIN, which does not execute it.
SELECT w."id", w."address", sum(tb."usdValue") AS total
FROM "Wallet" w
JOIN "TokenBalance" tb ON tb."walletId" = w."id"
WHERE tb."usdValue" > 0
GROUP BY w."id", w."address"
ORDER BY total DESC;
