-- invariant: Position history per wallet
-- severity: error
-- expect: same
-- key: walletId
-- description: The positions behind the portfolio snapshots. They carry no time of their own and take that of their snapshot.
SELECT
  position."walletId",
  count(*) AS position_count,
  sum(position."quantity") AS total_quantity,
  sum(position."usdValue") AS total_usd,
  sum(position."costBasisUsd") AS cost_basis_usd
FROM "PositionSnapshot" position
JOIN "PortfolioSnapshot" snapshot ON snapshot."id" = position."portfolioSnapshotId"
WHERE snapshot."createdAt" < current_setting('godwit.as_of')::timestamp - interval '1 minute'
GROUP BY position."walletId";
