/** Gammaswap positions, risk events, alerts, transactions and the portfolio's history. */

import { gammaswapChain, gammaswapProtocol, priceOf, symbol, tokenOn } from './market';
import { CHAINS, POSITIONS_PER_SNAPSHOT, type Sizes } from './sizes';
import {
  ANCHOR,
  address,
  amount,
  before,
  below,
  between,
  DAY,
  derive,
  hash64,
  insert,
  oneOf,
  series,
  sometimes,
  type TableSeed,
  unit,
  uuid,
} from './sql';

function pools(sizes: Sizes): TableSeed {
  const synced = before(below(3_600, 'pool-synced'));
  return insert({
    table: 'GammaswapPool',
    from: series(
      sizes.pools,
      {
        base: tokenOn(gammaswapChain('i'), '0'),
        quote: tokenOn(gammaswapChain('i'), `1 + i / 3 % ${sizes.tokenKinds - 1}`),
      },
      { tvl: between(50_000, 9_000_000, 'tvl') },
    ),
    values: {
      id: uuid('GammaswapPool'),
      protocolId: uuid('Protocol', gammaswapProtocol('i')),
      poolAddress: address('pool'),
      baseTokenId: uuid('Token', 'base'),
      quoteTokenId: uuid('Token', 'quote'),
      baseSymbol: symbol('base'),
      quoteSymbol: symbol('quote'),
      tvl: amount(`tvl / ${priceOf('base')}`),
      tvlUsd: amount('tvl'),
      utilization: amount(unit('utilization')),
      borrowRateApr: amount(between(0.02, 0.6, 'borrow')),
      supplyRateApr: amount(between(0.01, 0.3, 'supply')),
      volume24h: amount(between(1_000, 900_000, 'volume')),
      feesEarned24h: amount(between(1, 3_000, 'fees')),
      lastSyncAt: synced,
      updatedAt: synced,
      createdAt: before(`${180 * DAY}`),
    },
  });
}

/** Everything that the position of number `g` says: its wallet is on the chain of its pool. */
export const positionOf = (sizes: Sizes, g: string): readonly Readonly<Record<string, string>>[] => [
  {
    w: tokenOn(gammaswapChain(g), `(${g}) / 3`),
    p: gammaswapProtocol(g),
    pool: `(${g}) % 3 + 3 * ((${g}) / 3 % ${sizes.pools / 3})`,
    notional: between(200, 80_000, 'notional', g),
    health: sometimes(`(${g}) % 4 <> 3`, between(0.98, 4, 'health', g)),
  },
];

export const debtOf = (notional: string, g: string): string =>
  sometimes(`(${g}) % 4 <> 3`, amount(`${notional} * ${between(0.1, 0.8, 'debt', g)}`));

function positions(sizes: Sizes): TableSeed {
  return insert({
    table: 'GammaswapPosition',
    from: series(sizes.positions, ...positionOf(sizes, 'i')),
    values: {
      id: uuid('GammaswapPosition'),
      protocolId: uuid('Protocol', 'p'),
      poolId: uuid('GammaswapPool', 'pool'),
      walletId: uuid('Wallet', 'w'),
      assetTokenId: uuid('Token', tokenOn('w', '0')),
      positionType: "CASE WHEN i % 4 = 3 THEN 'lp' ELSE 'borrow' END",
      notional: amount('notional'),
      debtValue: debtOf('notional', 'i'),
      healthRatio: amount('health'),
      liquidationPrice: sometimes('i % 4 <> 3', amount(between(0.5, 1_900, 'liquidation'))),
      pnlUsd: amount(between(-5_000, 9_000, 'pnl')),
      lastSyncAt: before(below(3_600, 'position-synced')),
      metadata: "jsonb_build_object('strategy', CASE WHEN i % 4 = 3 THEN 'liquidity' ELSE 'long-gamma' END)",
    },
  });
}

function riskEvents(sizes: Sizes): TableSeed {
  const happened = before(`${below(90 * DAY, 'risk')} + 60`);
  return insert({
    table: 'RiskEvent',
    from: series(sizes.riskEvents),
    values: {
      id: uuid('RiskEvent'),
      walletId: sometimes('i % 20 <> 19', uuid('Wallet', `i % ${sizes.wallets}`)),
      eventType: oneOf(['concentration', 'liquidation_risk', 'volatility_spike', 'var_breach'], 'i'),
      severity: oneOf(['info', 'warning', 'critical'], 'i'),
      threshold: amount(between(0.1, 0.5, 'risk-threshold')),
      actualValue: amount(between(0.5, 0.95, 'risk-actual')),
      description: "'Threshold passed, event ' || (i + 1)",
      recommendation: sometimes('i % 2 = 0', "'Reduce the position'"),
      isActive: 'i % 4 = 0',
      resolvedAt: sometimes('i % 4 <> 0', before('30')),
      createdAt: happened,
      updatedAt: before('30'),
    },
  });
}

function alerts(sizes: Sizes): TableSeed {
  const triggered = before(`${below(60 * DAY, 'alert')} + 60`);
  const refers = (table: string, count: number, kind: number): string =>
    sometimes(`i % 5 = ${kind}`, uuid(table, `i % ${count}`));
  return insert({
    table: 'Alert',
    from: series(sizes.alerts),
    values: {
      id: uuid('Alert'),
      type: oneOf(['reward', 'liquidation', 'price', 'risk', 'lock'], 'i'),
      severity: oneOf(['info', 'warning', 'critical'], 'i / 5'),
      title: "'Alert ' || (i + 1)",
      description: sometimes('i % 2 = 0', "'Raised while scanning'"),
      status: oneOf(
        ['pending', 'delivered', 'acknowledged', 'resolved', 'resolved', 'resolved', 'expired'],
        'i',
      ),
      triggerAt: triggered,
      expiresAt: sometimes('i % 3 = 0', `${triggered} + interval '7 days'`),
      contextHash: `md5('alert-context/' || i) || md5('alert-context-tail/' || i)`,
      walletId: sometimes('i % 11 <> 10', uuid('Wallet', `i % ${sizes.wallets}`)),
      protocolId: sometimes('i % 2 = 0', uuid('Protocol', `i % ${sizes.protocols}`)),
      tokenId: refers('Token', sizes.tokens, 2),
      rewardOpportunityId: refers('RewardOpportunity', sizes.rewards, 0),
      gammaswapPositionId: refers('GammaswapPosition', sizes.positions, 1),
      riskEventId: refers('RiskEvent', sizes.riskEvents, 3),
      createdAt: triggered,
      updatedAt: triggered,
    },
  });
}

function deliveries(sizes: Sizes): TableSeed {
  return insert({
    table: 'AlertDelivery',
    from: series(sizes.deliveries, { a: `i % ${sizes.alerts}` }),
    values: {
      id: uuid('AlertDelivery'),
      alertId: uuid('Alert', 'a'),
      channel: oneOf(['email', 'telegram', 'slack'], 'i'),
      success: 'i % 13 <> 0',
      metadata: sometimes('i % 13 = 0', `'{"error": "timeout"}'::jsonb`),
      createdAt: before(`${below(60 * DAY, 'alert', 'a')} + 20`),
    },
  });
}

function thresholds(sizes: Sizes): TableSeed {
  const born = before(`${DAY} + ${below(100 * DAY, 'threshold-born')}`);
  return insert({
    table: 'PriceThreshold',
    from: series(
      sizes.thresholds,
      { w: `i % ${sizes.wallets}`, slot: `i / ${sizes.wallets}` },
      { t: tokenOn('w', `(w / ${CHAINS} + slot) % ${sizes.tokenKinds}`) },
    ),
    values: {
      id: uuid('PriceThreshold'),
      walletId: sometimes('i % 15 <> 14', uuid('Wallet', 'w')),
      tokenId: uuid('Token', 't'),
      thresholdType: oneOf(['above', 'below'], 'i'),
      thresholdPrice: amount(`${priceOf('t')} * ${between(0.6, 1.6, 'threshold')} + 0.000001 * slot`),
      isEnabled: 'i % 6 <> 5',
      lastTriggeredAt: sometimes('i % 4 = 0', before(below(20 * DAY, 'threshold-hit'))),
      createdAt: born,
      updatedAt: born,
    },
  });
}

function transactions(sizes: Sizes): TableSeed {
  const occurred = before(`60 + ${below(180 * DAY, 'occurred')}`);
  return insert({
    table: 'Transaction',
    from: series(
      sizes.transactions,
      { w: `i % ${sizes.wallets}` },
      { t: tokenOn('w', below(sizes.tokenKinds, 'traded')), occurred },
      { price: priceOf('t') },
    ),
    values: {
      id: uuid('Transaction'),
      walletId: uuid('Wallet', 'w'),
      tokenId: uuid('Token', 't'),
      transactionHash: hash64('transaction'),
      blockNumber: `21000000 - extract(epoch FROM (${ANCHOR} - occurred))::bigint / 12`,
      transactionType: oneOf(['swap', 'transfer_in', 'transfer_out', 'claim', 'lock', 'stake'], 'i'),
      amount: amount(`${between(5, 9_000, 'traded-usd')} / price`),
      priceUsd: sometimes('i % 17 <> 0', amount(`price * ${between(0.8, 1.1, 'traded-price')}`)),
      gasSpentUsd: amount(between(0.01, 14, 'gas')),
      protocolId: sometimes('i % 5 < 3', uuid('Protocol', `w % ${CHAINS} + ${CHAINS} * (i % 4)`)),
      fromAddress: address('from'),
      toAddress: address('wallet', 'w'),
      occurredAt: 'occurred',
      createdAt: "occurred + interval '20 seconds'",
      updatedAt: "occurred + interval '20 seconds'",
    },
  });
}

/**
 * Each day's positions of each tracked wallet, and of the whole portfolio (no wallet). The portfolio's totals are
 * sums over these very rows, so that they add up to the last decimal.
 */
function held(sizes: Sizes): string {
  const owners = sizes.portfolioWallets + 1;
  return (
    `${series(sizes.portfolioSnapshots)} CROSS JOIN generate_series(0, ${POSITIONS_PER_SNAPSHOT - 1}) AS j` +
    derive(
      { owner: `i % ${owners}`, age: `i / ${owners}` },
      { w: `CASE WHEN owner = ${sizes.portfolioWallets} THEN j ELSE owner END` },
      { t: tokenOn('w', `(w / ${CHAINS} + j) % ${sizes.tokenKinds}`) },
      {
        price: amount(`${priceOf('t')} * ${between(0.97, 1.03, 'day', "t || '/' || age")}`),
        quantity: amount(`${between(5, 15_000, 'position', "w || '/' || j")} / ${priceOf('t')}`),
      },
      { usd: amount('quantity * price') },
    )
  );
}

function portfolioSnapshots(sizes: Sizes): TableSeed {
  const captured = before(`age * ${DAY} + 600`);
  const change = (days: number): string =>
    `total - lead(total, ${days}) OVER (PARTITION BY owner ORDER BY age)`;
  return insert({
    table: 'PortfolioSnapshot',
    from: `(SELECT i, owner, age, sum(usd) AS total FROM ${held(sizes)} GROUP BY i, owner, age) AS snapshot`,
    values: {
      id: uuid('PortfolioSnapshot'),
      walletId: sometimes(`owner < ${sizes.portfolioWallets}`, uuid('Wallet', 'owner')),
      totalUsdValue: 'total',
      totalUsdValueChange24h: change(1),
      totalUsdValueChange7d: change(7),
      totalUsdValueChange30d: change(30),
      tokensTracked: `${POSITIONS_PER_SNAPSHOT}`,
      averageApr: amount(between(0.01, 0.4, 'apr')),
      capturedAt: captured,
      createdAt: captured,
    },
  });
}

function positionSnapshots(sizes: Sizes): TableSeed {
  return insert({
    table: 'PositionSnapshot',
    from: `${held(sizes)} CROSS JOIN LATERAL
      (SELECT ${amount(`usd * ${between(0.7, 1.2, 'cost', "w || '/' || j")}`)} AS cost) AS bought`,
    values: {
      id: uuid('PositionSnapshot', "i || '/' || j"),
      portfolioSnapshotId: uuid('PortfolioSnapshot'),
      tokenId: uuid('Token', 't'),
      walletId: uuid('Wallet', 'w'),
      quantity: 'quantity',
      usdValue: 'usd',
      priceUsd: 'price',
      costBasisUsd: 'cost',
      unrealizedPnlUsd: 'usd - cost',
      unrealizedPnlPercent: amount('(usd - cost) / cost * 100'),
      positionType: oneOf(['spot', 'lp', 'lock', 'staked'], 'j'),
      protocolId: sometimes('j > 0', uuid('Protocol', `w % ${CHAINS} + ${CHAINS} * (j % 4)`)),
    },
  });
}

export function activityTables(sizes: Sizes): readonly TableSeed[] {
  return [
    pools(sizes),
    positions(sizes),
    riskEvents(sizes),
    alerts(sizes),
    deliveries(sizes),
    thresholds(sizes),
    transactions(sizes),
    portfolioSnapshots(sizes),
    positionSnapshots(sizes),
  ];
}
