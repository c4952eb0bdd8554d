/** How many rows each table gets at a scale; 1 is about 200,000 rows over all tables. */

export interface Sizes {
  readonly chains: number;
  readonly protocols: number;
  readonly tokenKinds: number;
  readonly tokens: number;
  readonly wallets: number;
  readonly balances: number;
  readonly prices: number;
  readonly digestRuns: number;
  readonly locks: number;
  readonly epochs: number;
  readonly gauges: number;
  readonly bribes: number;
  readonly votePowers: number;
  readonly rewards: number;
  readonly claims: number;
  readonly pools: number;
  readonly positions: number;
  readonly riskEvents: number;
  readonly alerts: number;
  readonly deliveries: number;
  readonly thresholds: number;
  readonly transactions: number;
  readonly portfolioWallets: number;
  readonly portfolioSnapshots: number;
  readonly performance: number;
  readonly correlations: number;
  readonly exposures: number;
  readonly volatility: number;
  readonly valuesAtRisk: number;
  readonly riskAdjusted: number;
  readonly walletsPerDigest: number;
  readonly locksPerDigest: number;
  readonly rewardsPerDigest: number;
  readonly positionsPerDigest: number;
}

export const CHAINS = 6;
export const PROTOCOLS = 24;
export const POSITIONS_PER_SNAPSHOT = 4;

export function sizesAt(scale: number): Sizes {
  const n = (base: number, atLeast = 1): number => Math.max(atLeast, Math.round(base * scale));
  const tokenKinds = n(50, 6);
  const wallets = CHAINS * n(333, 4);
  const locks = Math.min(wallets, n(1_200, 6));
  const rewards = n(4_000, 6);
  const positions = n(900, 6);
  return {
    chains: CHAINS,
    protocols: PROTOCOLS,
    tokenKinds,
    tokens: CHAINS * tokenKinds,
    wallets,
    balances: Math.min(n(18_000, 24), wallets * tokenKinds),
    prices: n(82_000, CHAINS * tokenKinds),
    digestRuns: n(60, 3),
    locks,
    epochs: n(26, 4),
    gauges: n(160, 6),
    bribes: n(3_000, 6),
    votePowers: n(6_000, 6),
    rewards,
    claims: n(6_000, 6),
    pools: 3 * n(13),
    positions,
    riskEvents: n(1_500, 6),
    alerts: n(3_000, 6),
    deliveries: n(5_000, 6),
    thresholds: n(1_500, 6),
    transactions: n(20_000, 24),
    portfolioWallets: CHAINS * n(20, 2),
    portfolioSnapshots: n(4_000, 26),
    performance: n(4_000, 6),
    correlations: n(1_500, 6),
    exposures: n(2_400, 6),
    volatility: n(1_200, 6),
    valuesAtRisk: n(3_600, 6),
    riskAdjusted: n(2_000, 6),
    walletsPerDigest: Math.min(50, wallets),
    locksPerDigest: Math.min(40, locks),
    rewardsPerDigest: Math.min(50, rewards),
    positionsPerDigest: Math.min(40, positions),
  };
}
