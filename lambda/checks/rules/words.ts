/** Says of a statement's locks whom they keep waiting, and of its work how much it is. */
import type { CatalogRelation } from '../../sql/catalog';
import { blocksRequests, type LockMode, stronger } from '../../sql/lock-modes';
import { existingOf, listWords, tableWords } from './read';
import type { RuleContext } from './rule';

const BLOCKED: Readonly<Partial<Record<LockMode, string>>> = {
  ShareLock: 'blocks writes',
  ShareRowExclusiveLock: 'blocks writes',
  ExclusiveLock: 'blocks writes',
  AccessExclusiveLock: 'blocks reads and writes',
};

/** Of tables that were there before; `undefined` where nobody waits. */
export function lockWords(context: RuleContext): string | undefined {
  const locks = context.effects.locks.filter(
    ({ oid, mode, kind }) =>
      !context.isNew(oid) && blocksRequests(mode) && kind !== 'index' && kind !== 'partitioned index',
  );
  const [first, ...more] = locks;
  if (first === undefined) return undefined;
  const strongest = more.reduce((mode, lock) => stronger(mode, lock.mode), first.mode);
  const tables = locks.filter(({ mode }) => mode === strongest).map(({ relation }) => tableWords(relation));
  return `${strongest} on ${listWords(tables)}: ${BLOCKED[strongest] ?? 'blocks'}`;
}

/** Work that is over before anybody has waited noticeably. */
const SMALL_MS = 20;
const SMALL_ROWS = 1000;

/** `undefined` without a database. */
export function workWords(
  context: RuleContext,
): { readonly words: string; readonly isSmall: boolean } | undefined {
  const { facts, effects } = context;
  if (facts === undefined) return undefined;
  const tables = existingOf(context, [...effects.scans, ...effects.rewrites]).filter(
    ({ index }) => index === undefined,
  );
  const sizes = [...new Map(tables.map((table) => [table.oid, table])).values()].flatMap((table) =>
    sized(table, facts),
  );
  if (sizes.length === 0) return undefined;
  const rows = sizes.reduce((sum, size) => sum + size.rows, 0);
  const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
  const ms = facts.bytesPerSecond === undefined ? undefined : (bytes / facts.bytesPerSecond) * 1000;
  const time = ms === undefined ? '' : `, at least ${durationWords(ms)} at this server's measured speed`;
  const read = sizes.map(
    (size) => `${countWords(size.rows)} rows (${bytesWords(size.bytes)}) of ${size.name}`,
  );
  return {
    words: `It goes through ${listWords(read)}${time}.`,
    isSmall: ms === undefined ? rows <= SMALL_ROWS : ms <= SMALL_MS,
  };
}

const sized = (table: CatalogRelation, facts: NonNullable<RuleContext['facts']>) => {
  const size = facts.sizeOf(table.name);
  return size === undefined ? [] : [{ ...size, name: tableWords(table.name) }];
};

const countWords = (count: number): string => Math.round(count).toLocaleString('en-US');

function bytesWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${Math.round(value)} ${units[0]}`;
}

const durationWords = (ms: number): string =>
  ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
