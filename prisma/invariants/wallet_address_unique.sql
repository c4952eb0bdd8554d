-- invariant: No wallet is tracked twice
-- severity: warning
-- expect: none
-- key: chainId, address
-- description: Addresses differ in letter case only, by their checksum, and the unique constraint tells letter case apart.
--   Such a wallet would be counted twice in the portfolio.
SELECT "chainId", lower("address") AS address, count(*) AS wallets
FROM "Wallet"
GROUP BY "chainId", lower("address")
HAVING count(*) > 1;
