/** Vote-escrowed locks, epochs, gauges, bribes, and the rewards they lead to. */

import { CHAIN_ROWS, chainId, priceOf, tokenOn } from './market';
import { CHAINS, type Sizes } from './sizes';
import {
  ANCHOR,
  address,
  amount,
  before,
  below,
  between,
  DAY,
  hash64,
  insert,
  oneOf,
  series,
  sometimes,
  type TableSeed,
  unit,
  uuid,
} from './sql';

/** Lock l belongs to wallet l, on the vote-escrow protocol of that wallet's chain. */
const lockProtocol = (l: string): string => `((${l}) % ${CHAIN_ROWS.length})`;

/** Every fifth lock is permanent, as vote-escrow locks may be. */
export const lockEnd = (l: string): string =>
  sometimes(
    `(${l}) % 5 <> 4`,
    `${lockBegin(l)} + make_interval(days => 30 + ${below(1_400, 'lock-days', l)})`,
  );
const lockBegin = (l: string): string => before(`${DAY} + ${below(190 * DAY, 'lock-born', l)}`);
export const lockAmount = (l: string): string => amount(between(100, 250_000, 'locked', l));
export const votingPower = (l: string): string =>
  amount(`${lockAmount(l)} * ${between(0.1, 1, 'vote-share', l)}`);

function locks(sizes: Sizes): TableSeed {
  const refreshed = before(below(DAY, 'lock-refreshed'));
  return insert({
    table: 'GovernanceLock',
    from: series(sizes.locks),
    values: {
      id: uuid('GovernanceLock'),
      protocolId: uuid('Protocol', lockProtocol('i')),
      walletId: uuid('Wallet'),
      lockAmount: lockAmount('i'),
      votingPower: votingPower('i'),
      boostMultiplier: sometimes('i % 2 = 0', amount(between(1, 2.5, 'boost'))),
      lockEndsAt: lockEnd('i'),
      lastRefreshedAt: refreshed,
      metadata: "jsonb_build_object('nftId', 1000 + i)",
      createdAt: lockBegin('i'),
      updatedAt: refreshed,
    },
  });
}

/** Epoch number e counts back from the running week; its id is e * 6 + protocol. */
const epochId = (protocol: string, e: string): string =>
  uuid('VoteEpoch', `(${e}) * ${CHAINS} + (${protocol}) % ${CHAINS}`);

function epochs(sizes: Sizes): TableSeed {
  const starts = before(`(e * 7 + 2) * ${DAY}`);
  return insert({
    table: 'VoteEpoch',
    from: series(sizes.epochs * CHAINS, { p: `i % ${CHAINS}`, e: `i / ${CHAINS}` }),
    values: {
      id: uuid('VoteEpoch'),
      protocolId: uuid('Protocol', 'p'),
      epochNumber: `${sizes.epochs} - e`,
      startsAt: starts,
      endsAt: `${starts} + interval '7 days'`,
      snapshotAt: sometimes('e > 0', `${starts} + interval '6 days 23 hours'`),
      createdAt: starts,
      updatedAt: starts,
    },
  });
}

function gauges(sizes: Sizes): TableSeed {
  const born = before(`${210 * DAY}`);
  return insert({
    table: 'Gauge',
    from: series(sizes.gauges),
    values: {
      id: uuid('Gauge'),
      protocolId: uuid('Protocol', `i % ${CHAINS}`),
      chainId: chainId('i'),
      address: address('gauge'),
      name: "'Gauge ' || (i + 1)",
      createdAt: born,
      updatedAt: born,
    },
  });
}

function bribes(sizes: Sizes): TableSeed {
  const told = before(`(e * 7 + 1) * ${DAY}`);
  return insert({
    table: 'Bribe',
    from: series(
      sizes.bribes,
      { g: `i % ${sizes.gauges}`, slot: `i / ${sizes.gauges}` },
      { e: `slot % ${sizes.epochs}`, t: tokenOn('g', `(g + slot / ${sizes.epochs}) % ${sizes.tokenKinds}`) },
      { usd: between(50, 20_000, 'bribe'), price: priceOf('t') },
    ),
    values: {
      id: uuid('Bribe'),
      gaugeId: uuid('Gauge', 'g'),
      epochId: epochId('g', 'e'),
      rewardTokenId: uuid('Token', 't'),
      rewardAmount: amount('usd / price'),
      rewardValueUsd: amount('usd'),
      totalVotes: amount(between(1_000, 2_000_000, 'votes')),
      roiPercentage: amount(between(2, 180, 'roi')),
      sponsorAddress: address('sponsor', 'g'),
      source: oneOf(['votium', 'hiddenhand', 'onchain'], 'g'),
      createdAt: told,
      updatedAt: told,
    },
  });
}

function votePowers(sizes: Sizes): TableSeed {
  const captured = before(`(slot * 7 + 1) * ${DAY} + l`);
  return insert({
    table: 'VotePowerSnapshot',
    from: series(sizes.votePowers, { l: `i % ${sizes.locks}`, slot: `i / ${sizes.locks}` }),
    values: {
      id: uuid('VotePowerSnapshot'),
      governanceLockId: uuid('GovernanceLock', 'l'),
      epochId: sometimes('i % 7 <> 6', epochId('l', `slot % ${sizes.epochs}`)),
      votingPower: amount(`${votingPower('l')} * (1 - 0.004 * least(slot, 100))`),
      capturedAt: captured,
      createdAt: captured,
    },
  });
}

/** Everything that a reward opportunity of number `o` says, as names for a series. */
export const rewardOf = (sizes: Sizes, o: string): readonly Readonly<Record<string, string>>[] => [
  { w: `(${o}) % ${sizes.wallets}`, slot: `(${o}) / ${sizes.wallets}` },
  { p: `w % ${CHAINS}`, t: tokenOn('w', `(w / ${CHAINS} + slot) % ${sizes.tokenKinds}`) },
  {
    l: sometimes(`w < ${sizes.locks}`, 'w'),
    usd: between(0.5, 900, 'reward', o),
    gas: between(0.05, 9, 'reward-gas', o),
    price: priceOf('t'),
    deadline: sometimes(
      `(${o}) % 3 <> 2`,
      `${ANCHOR} + make_interval(hours => ${below(2_000, 'deadline', o)} - 200)`,
    ),
  },
];

function rewards(sizes: Sizes): TableSeed {
  const computed = before(below(2 * DAY, 'reward-computed'));
  return insert({
    table: 'RewardOpportunity',
    from: series(sizes.rewards, ...rewardOf(sizes, 'i')),
    values: {
      id: uuid('RewardOpportunity'),
      protocolId: uuid('Protocol', 'p'),
      walletId: uuid('Wallet', 'w'),
      governanceLockId: uuid('GovernanceLock', 'l'),
      tokenId: uuid('Token', 't'),
      contextLabel: "'Gauge reward ' || (i + 1)",
      contextAddress: address('reward-context'),
      amount: amount('usd / price'),
      usdValue: amount('usd'),
      apr: amount(between(0.01, 0.9, 'reward-apr')),
      gasEstimateUsd: amount('gas'),
      claimDeadline: 'deadline',
      source: oneOf(['gauge', 'bribe', 'rebase'], 'slot'),
      computedAt: computed,
      createdAt: before(`${3 * DAY} + ${below(60 * DAY, 'reward-born')}`),
      updatedAt: computed,
    },
  });
}

function claims(sizes: Sizes): TableSeed {
  return insert({
    table: 'RewardClaim',
    from: series(sizes.claims, { o: `i % ${sizes.rewards}` }, ...rewardOf(sizes, 'o')),
    values: {
      id: uuid('RewardClaim'),
      rewardOpportunityId: uuid('RewardOpportunity', 'o'),
      protocolId: uuid('Protocol', 'p'),
      walletId: uuid('Wallet', 'w'),
      tokenId: uuid('Token', 't'),
      governanceLockId: uuid('GovernanceLock', 'l'),
      amount: amount(`usd / price * ${unit('claimed')}`),
      usdValue: amount(`usd * ${unit('claimed')}`),
      gasSpentUsd: amount('gas'),
      transactionHash: hash64('claim'),
      claimedAt: before(`${DAY} + ${below(120 * DAY, 'claimed-at')}`),
    },
  });
}

export function governanceTables(sizes: Sizes): readonly TableSeed[] {
  return [
    locks(sizes),
    epochs(sizes),
    gauges(sizes),
    bribes(sizes),
    votePowers(sizes),
    rewards(sizes),
    claims(sizes),
  ];
}
