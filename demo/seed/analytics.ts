/** Derived metrics, and the snapshots that each digest run takes. */

import { debtOf, positionOf } from './activity';
import { lockAmount, lockEnd, rewardOf, votingPower } from './governance';
import { tokenOn } from './market';
import { holdings, worthAt } from './reference';
import { CHAINS, type Sizes } from './sizes';
import {
  amount,
  before,
  below,
  between,
  DAY,
  insert,
  oneOf,
  series,
  sometimes,
  type TableSeed,
  uuid,
} from './sql';

const computed = before(below(DAY, 'computed'));
const ratio = (low: number, high: number, topic: string): string => `round(${between(low, high, topic)}, 6)`;
const FRAMES = ['24h', '7d', '30d', '90d', '1y', 'all'] as const;

const perWallet = (sizes: Sizes, count: number): string =>
  series(count, { w: `i % ${sizes.wallets}`, slot: `i / ${sizes.wallets}` });

function performance(sizes: Sizes): TableSeed {
  return insert({
    table: 'PerformanceMetric',
    from: perWallet(sizes, sizes.performance),
    values: {
      id: uuid('PerformanceMetric'),
      walletId: uuid('Wallet', 'w'),
      timeframe: oneOf(FRAMES, 'slot'),
      totalReturn: amount(between(-9_000, 16_000, 'return')),
      totalReturnPercent: amount(between(-40, 90, 'return-percent')),
      realizedPnl: amount(between(-4_000, 8_000, 'realized')),
      unrealizedPnl: amount(between(-4_000, 8_000, 'unrealized')),
      sharpeRatio: amount(between(-1, 3, 'sharpe')),
      maxDrawdown: amount(between(0.02, 0.7, 'drawdown')),
      volatility: amount(between(0.05, 1.2, 'volatility')),
      winRate: amount(between(0.2, 0.8, 'win')),
      tradesCount: below(400, 'trades'),
      computedAt: computed,
    },
  });
}

function correlations(sizes: Sizes): TableSeed {
  return insert({
    table: 'AssetCorrelation',
    from: series(sizes.correlations, { first: `i % ${sizes.tokens}`, slot: `i / ${sizes.tokens}` }),
    values: {
      id: uuid('AssetCorrelation'),
      token1Id: uuid('Token', 'first'),
      token2Id: uuid('Token', `(first + 1 + slot / 4) % ${sizes.tokens}`),
      timeframe: oneOf(FRAMES.slice(0, 4), 'slot'),
      correlation: `round(${between(-1, 1, 'correlation')}, 8)`,
      pValue: `round(${between(0, 0.2, 'p-value')}, 8)`,
      sampleSize: `30 + ${below(300, 'samples')}`,
      computedAt: computed,
    },
  });
}

function exposures(sizes: Sizes): TableSeed {
  const risk = (shift: number): string => oneOf(['low', 'medium', 'high'], `i + ${shift}`);
  return insert({
    table: 'ProtocolExposure',
    from: perWallet(sizes, sizes.exposures),
    values: {
      id: uuid('ProtocolExposure'),
      walletId: uuid('Wallet', 'w'),
      protocolId: uuid('Protocol', `w % ${CHAINS} + ${CHAINS} * (slot % 4)`),
      totalExposureUsd: amount(between(10, 60_000, 'exposure')),
      exposurePercentage: `round(${between(1, 60, 'exposure-percent')}, 4)`,
      concentrationRisk: risk(0),
      liquidityRisk: risk(1),
      smartContractRisk: risk(2),
      overallRiskScore: `round(${between(1, 99, 'risk-score')}, 2)`,
      recommendedAllocation: `round(${between(1, 30, 'allocation')}, 4)`,
      computedAt: computed,
    },
  });
}

function volatility(sizes: Sizes): TableSeed {
  return insert({
    table: 'VolatilityMetric',
    from: series(sizes.volatility, { t: `i % ${sizes.tokens}`, slot: `i / ${sizes.tokens}` }),
    values: {
      id: uuid('VolatilityMetric'),
      tokenId: uuid('Token', 't'),
      walletId: sometimes('t % 2 = 1', uuid('Wallet', tokenOn('t', '0'))),
      timeframe: oneOf(FRAMES, 'slot'),
      volatility: ratio(0.05, 1.5, 'token-volatility'),
      rollingVolatility: ratio(0.05, 1.5, 'rolling'),
      upsideDeviation: ratio(0.02, 0.9, 'upside'),
      downsideDeviation: ratio(0.02, 0.9, 'downside'),
      skewness: ratio(-2, 2, 'skewness'),
      kurtosis: ratio(1, 9, 'kurtosis'),
      beta: ratio(-0.5, 2.5, 'beta'),
      computedAt: computed,
    },
  });
}

function valuesAtRisk(sizes: Sizes): TableSeed {
  return insert({
    table: 'ValueAtRisk',
    from: `${perWallet(sizes, sizes.valuesAtRisk)} CROSS JOIN LATERAL
      (SELECT ${between(20, 9_000, 'at-risk')} AS at_risk) AS risk`,
    values: {
      id: uuid('ValueAtRisk'),
      walletId: uuid('Wallet', 'w'),
      timeframe: oneOf(FRAMES, 'slot / 2'),
      confidenceLevel: '(ARRAY[0.95, 0.99])[slot % 2 + 1]',
      varAmount: amount('at_risk'),
      varPercentage: ratio(0.5, 30, 'at-risk-percent'),
      expectedShortfall: amount('at_risk * 1.3'),
      method: oneOf(['historical', 'parametric', 'monte_carlo'], 'w'),
      computedAt: computed,
    },
  });
}

function riskAdjusted(sizes: Sizes): TableSeed {
  return insert({
    table: 'RiskAdjustedMetric',
    from: perWallet(sizes, sizes.riskAdjusted),
    values: {
      id: uuid('RiskAdjustedMetric'),
      walletId: uuid('Wallet', 'w'),
      timeframe: oneOf(FRAMES, 'slot'),
      sharpeRatio: ratio(-1, 3, 'adjusted-sharpe'),
      sortinoRatio: ratio(-1, 4, 'sortino'),
      calmarRatio: ratio(-1, 5, 'calmar'),
      informationRatio: ratio(-1, 2, 'information'),
      treynorRatio: ratio(-1, 2, 'treynor'),
      jensenAlpha: ratio(-0.2, 0.3, 'alpha'),
      trackingError: ratio(0.01, 0.4, 'tracking'),
      benchmarkReturn: ratio(-0.3, 0.6, 'benchmark'),
      computedAt: computed,
    },
  });
}

/** Row i of a digest's snapshots: run d took it of the subject of number n. */
const perRun = (
  sizes: Sizes,
  subjects: number,
  ...derived: readonly Readonly<Record<string, string>>[]
): string =>
  series(
    sizes.digestRuns * subjects,
    { d: `i % ${sizes.digestRuns}`, n: `i / ${sizes.digestRuns}` },
    ...derived,
  );

const captured = before(`d * ${DAY} + 1810`);

function walletSnapshots(sizes: Sizes): TableSeed {
  return insert({
    table: 'WalletBalanceSnapshot',
    with: `held AS MATERIALIZED ${holdings(sizes)}`,
    from: `${perRun(sizes, sizes.walletsPerDigest)} JOIN held ON held.w = n`,
    values: {
      id: uuid('WalletBalanceSnapshot'),
      digestRunId: uuid('DigestRun', 'd'),
      walletId: uuid('Wallet', 'n'),
      totalUsd: worthAt('held.total', 'd'),
      topHoldings: "jsonb_path_query_array(held.tokens, '$[0 to 2]')",
      capturedAt: captured,
    },
  });
}

function lockSnapshots(sizes: Sizes): TableSeed {
  return insert({
    table: 'GovernanceLockSnapshot',
    from: perRun(sizes, sizes.locksPerDigest),
    values: {
      id: uuid('GovernanceLockSnapshot'),
      digestRunId: uuid('DigestRun', 'd'),
      governanceLockId: uuid('GovernanceLock', 'n'),
      walletId: uuid('Wallet', 'n'),
      protocolId: uuid('Protocol', `n % ${CHAINS}`),
      lockEndsAt: lockEnd('n'),
      lockAmount: lockAmount('n'),
      votingPower: amount(`${votingPower('n')} * (1 - 0.001 * least(d, 300))`),
      capturedAt: captured,
    },
  });
}

function rewardSnapshots(sizes: Sizes): TableSeed {
  return insert({
    table: 'RewardOpportunitySnapshot',
    from: perRun(sizes, sizes.rewardsPerDigest, ...rewardOf(sizes, 'n')),
    values: {
      id: uuid('RewardOpportunitySnapshot'),
      digestRunId: uuid('DigestRun', 'd'),
      rewardOpportunityId: uuid('RewardOpportunity', 'n'),
      walletId: uuid('Wallet', 'w'),
      protocolId: uuid('Protocol', 'p'),
      tokenId: uuid('Token', 't'),
      netUsd: amount('usd - gas'),
      usdValue: amount('usd'),
      gasEstimateUsd: amount('gas'),
      claimDeadline: 'deadline',
      capturedAt: captured,
    },
  });
}

function positionSnapshots(sizes: Sizes): TableSeed {
  return insert({
    table: 'GammaswapPositionSnapshot',
    from: perRun(sizes, sizes.positionsPerDigest, ...positionOf(sizes, 'n')),
    values: {
      id: uuid('GammaswapPositionSnapshot'),
      digestRunId: uuid('DigestRun', 'd'),
      gammaswapPositionId: uuid('GammaswapPosition', 'n'),
      walletId: uuid('Wallet', 'w'),
      protocolId: uuid('Protocol', 'p'),
      poolId: uuid('GammaswapPool', 'pool'),
      healthRatio: amount('health'),
      notional: amount('notional'),
      debtValue: debtOf('notional', 'n'),
      capturedAt: captured,
    },
  });
}

export function analyticsTables(sizes: Sizes): readonly TableSeed[] {
  return [
    performance(sizes),
    correlations(sizes),
    exposures(sizes),
    volatility(sizes),
    valuesAtRisk(sizes),
    riskAdjusted(sizes),
    walletSnapshots(sizes),
    lockSnapshots(sizes),
    rewardSnapshots(sizes),
    positionSnapshots(sizes),
  ];
}
