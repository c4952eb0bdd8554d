/** Chains, protocols, tokens, wallets, what they hold, and what it was worth. */

import { CHAIN_ROWS, chainId, decimals, PROTOCOL_SLUGS, priceOf, symbol, tokenOn } from './market';
import { CHAINS, type Sizes } from './sizes';
import {
  address,
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
  unit,
  uuid,
} from './sql';

const founded = before(`${600 * DAY}`);

function chains(): TableSeed {
  const rows = CHAIN_ROWS.map(
    (chain) => `(${chain.id}, '${chain.name}', '${chain.shortName}', '${chain.native}', '${chain.explorer}')`,
  );
  return insert({
    table: 'Chain',
    from: `(VALUES ${rows.join(', ')}) AS chain (id, name, short_name, native, explorer)`,
    values: {
      id: 'id',
      name: 'name',
      shortName: 'short_name',
      nativeCurrencySymbol: 'native',
      explorerUrl: 'explorer',
      createdAt: founded,
      updatedAt: founded,
    },
  });
}

function wallets(sizes: Sizes): TableSeed {
  const born = before(`200 * ${DAY} + ${below(300 * DAY, 'wallet-born')}`);
  return insert({
    table: 'Wallet',
    from: series(sizes.wallets),
    values: {
      id: uuid('Wallet'),
      address: address('wallet'),
      chainId: chainId('i'),
      label: sometimes('i % 3 = 0', "'Wallet ' || (i + 1)"),
      metadata: sometimes('i % 10 = 0', `jsonb_build_object('ens', 'holder-' || i || '.eth')`),
      createdAt: born,
      updatedAt: `${born} + interval '1 day'`,
    },
  });
}

function protocols(sizes: Sizes): TableSeed {
  return insert({
    table: 'Protocol',
    from: series(sizes.protocols, { slug: oneOf(PROTOCOL_SLUGS, 'i') }),
    values: {
      id: uuid('Protocol'),
      slug: 'slug',
      name: "initcap(replace(slug, '-', ' '))",
      chainId: chainId('i'),
      website: "'https://' || slug || '.example'",
      createdAt: founded,
      updatedAt: founded,
    },
  });
}

function tokens(sizes: Sizes): TableSeed {
  return insert({
    table: 'Token',
    from: series(sizes.tokens, { symbol: symbol('i') }),
    values: {
      id: uuid('Token'),
      chainId: chainId('i'),
      address: `CASE WHEN i / ${CHAINS} = 0 THEN '0x' || repeat('0', 40) ELSE ${address('token')} END`,
      symbol: 'symbol',
      name: "symbol || ' token'",
      decimals: decimals('i'),
      isNative: `i / ${CHAINS} = 0`,
      createdAt: founded,
      updatedAt: founded,
    },
  });
}

function balances(sizes: Sizes): TableSeed {
  const fetched = before(below(DAY, 'fetched'));
  return insert({
    table: 'TokenBalance',
    from: series(
      sizes.balances,
      { w: `i % ${sizes.wallets}`, slot: `i / ${sizes.wallets}` },
      { t: tokenOn('w', `(w / ${CHAINS} + slot) % ${sizes.tokenKinds}`) },
      { price: priceOf('t'), digits: decimals('t') },
      { quantity: `round((10 + 20000 * ${unit('held')} * ${unit('held-more')}) / price, least(digits, 12))` },
    ),
    values: {
      id: uuid('TokenBalance'),
      walletId: uuid('Wallet', 'w'),
      tokenId: uuid('Token', 't'),
      rawBalance: 'trunc(quantity * power(10::numeric, digits))::text',
      quantity: 'quantity',
      usdValue: sometimes('(w + 5 * slot) % 37 <> 0', amount('quantity * price')),
      blockNumber: `21000000 + ${below(500_000, 'block')}`,
      fetchedAt: fetched,
      createdAt: before(`2 * ${DAY} + ${below(190 * DAY, 'first-held')}`),
      updatedAt: fetched,
    },
  });
}

function prices(sizes: Sizes): TableSeed {
  const recorded = before('3 * 3600 * age + t');
  return insert({
    table: 'PriceSnapshot',
    from: series(sizes.prices, { t: `i % ${sizes.tokens}`, age: `i / ${sizes.tokens}` }),
    values: {
      id: uuid('PriceSnapshot'),
      tokenId: uuid('Token', 't'),
      priceUsd: amount(`${priceOf('t')} * CASE WHEN age = 0 THEN 1 ELSE ${between(0.95, 1.05, 'drift')} END`),
      source: oneOf(['coingecko', 'defillama', 'onchain'], 't'),
      recordedAt: recorded,
      createdAt: `${recorded} + interval '1 second'`,
    },
  });
}

/** What the first wallets hold in all: digest runs and their balance snapshots must agree on it. */
export function holdings(sizes: Sizes): string {
  return `(SELECT w, sum(balance."usdValue") AS total,
      jsonb_agg(jsonb_build_object('tokenId', balance."tokenId", 'usdValue', balance."usdValue"::text)
        ORDER BY balance."usdValue" DESC NULLS LAST, balance."tokenId") AS tokens
    FROM generate_series(0, ${sizes.walletsPerDigest - 1}) AS w
    JOIN "TokenBalance" AS balance ON balance."walletId" = ${uuid('Wallet', 'w')}
    GROUP BY w)`;
}

export const worthAt = (total: string, age: string): string =>
  amount(`${total} * (1 - 0.002 * least(${age}, 300))`);

function digestRuns(sizes: Sizes): TableSeed {
  const generated = before(`i * ${DAY} + 1800`);
  return insert({
    table: 'DigestRun',
    from: `${series(sizes.digestRuns)} CROSS JOIN LATERAL
      (SELECT sum(${worthAt('held.total', 'i')}) AS total FROM held) AS portfolio`,
    values: {
      id: uuid('DigestRun'),
      generatedAt: generated,
      markdownPath: `'digests/' || to_char(${generated}, 'YYYY-MM-DD') || '.md'`,
      htmlPath: `'digests/' || to_char(${generated}, 'YYYY-MM-DD') || '.html'`,
      portfolioTotal: 'portfolio.total',
      walletsTracked: `${sizes.walletsPerDigest}`,
      actionableRewards: `${sizes.rewardsPerDigest}`,
      criticalAlerts: below(4, 'critical'),
      warningAlerts: below(12, 'warning'),
      summary: `'Portfolio worth ' || round(portfolio.total, 2) || ' USD in ${sizes.walletsPerDigest} wallets'`,
      createdAt: generated,
    },
    with: `held AS MATERIALIZED ${holdings(sizes)}`,
  });
}

export function referenceTables(sizes: Sizes): readonly TableSeed[] {
  return [
    chains(),
    wallets(sizes),
    protocols(sizes),
    tokens(sizes),
    balances(sizes),
    prices(sizes),
    digestRuns(sizes),
  ];
}
