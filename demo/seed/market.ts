/** What a chain, protocol or token of a given number is: shared by every table that refers to one. */

import { CHAINS } from './sizes';
import { between } from './sql';

export const CHAIN_ROWS = [
  { id: 8453, name: 'Base', shortName: 'base', native: 'ETH', explorer: 'https://basescan.org' },
  { id: 10, name: 'Optimism', shortName: 'oeth', native: 'ETH', explorer: 'https://optimistic.etherscan.io' },
  { id: 56, name: 'BNB Smart Chain', shortName: 'bnb', native: 'BNB', explorer: 'https://bscscan.com' },
  { id: 1, name: 'Ethereum', shortName: 'eth', native: 'ETH', explorer: 'https://etherscan.io' },
  { id: 42161, name: 'Arbitrum One', shortName: 'arb1', native: 'ETH', explorer: 'https://arbiscan.io' },
  { id: 137, name: 'Polygon', shortName: 'pol', native: 'POL', explorer: 'https://polygonscan.com' },
] as const;

/** Protocol p lives on chain p % 6; the first six have vote-escrowed locks. */
export const PROTOCOL_SLUGS = [
  'aerodrome',
  'velodrome',
  'thena',
  'curve',
  'ramses',
  'retro',
  'alien-base',
  'beethoven-x',
  'venus',
  'aave-v3',
  'gmx',
  'quickswap',
  'gammaswap-base',
  'sonne',
  'pancakeswap',
  'gammaswap-ethereum',
  'gammaswap-arbitrum',
  'balancer-polygon',
  'moonwell',
  'synthetix',
  'alpaca',
  'lido',
  'pendle',
  'stargate-polygon',
] as const;

/** The number of the n-th Gammaswap deployment, and of its chain. */
export const gammaswapProtocol = (n: string): string => `(ARRAY[12, 15, 16])[(${n}) % 3 + 1]`;
export const gammaswapChain = (n: string): string => `(ARRAY[0, 3, 4])[(${n}) % 3 + 1]`;

export const chainId = (n: string): string =>
  `(ARRAY[${CHAIN_ROWS.map((chain) => chain.id).join(', ')}])[(${n}) % ${CHAINS} + 1]`;

/** Token t lives on chain t % 6 and is of kind t / 6, so a wallet's tokens are on the wallet's chain. */
export const tokenOn = (chain: string, kind: string): string =>
  `((${chain}) % ${CHAINS} + ${CHAINS} * (${kind}))`;

const NAMED_KINDS = ['USDC', 'USDT', 'WETH', 'WBTC', 'GOV', 'LINK', 'CRV', 'LDO', 'PENDLE'] as const;
const GOVERNANCE_SYMBOLS = ['AERO', 'VELO', 'THE', 'CVX', 'RAM', 'RETRO'] as const;

const list = (values: readonly string[]): string =>
  `ARRAY[${values.map((value) => `'${value}'`).join(', ')}]`;

export const symbol = (t: string): string => `CASE (${t}) / ${CHAINS}
  WHEN 0 THEN (${list(CHAIN_ROWS.map((chain) => chain.native))})[(${t}) % ${CHAINS} + 1]
  WHEN 5 THEN (${list(GOVERNANCE_SYMBOLS)})[(${t}) % ${CHAINS} + 1]
  ELSE coalesce((${list(NAMED_KINDS)})[(${t}) / ${CHAINS}], 'LP-' || (${t})) END`;

export const decimals = (t: string): string =>
  `CASE (${t}) / ${CHAINS} WHEN 1 THEN 6 WHEN 2 THEN 6 WHEN 4 THEN 8 ELSE 18 END`;

/** The latest price of a token; history wanders around it. */
export const priceOf = (t: string): string => `CASE (${t}) / ${CHAINS}
  WHEN 0 THEN (ARRAY[2510.25, 2510.25, 598.4, 2510.25, 2510.25, 0.41])[(${t}) % ${CHAINS} + 1]
  WHEN 1 THEN 1.0001 WHEN 2 THEN 0.9998 WHEN 3 THEN 2509.8 WHEN 4 THEN 69120.5
  ELSE ${between(0.02, 40, 'price', t)} END`;
