/** Where a backfill is on its way through the table, as its journal row keeps it; pure. */

import type { JsonObject, JsonValue } from '../statement-journal';
import type { KeyValues } from './backfill-key';

export interface Walk {
  /** Names of the key's columns: what the values below are of. */
  readonly key: readonly string[];
  /** From 1. */
  readonly pass: number;
  /** The last key that is done in this pass; undefined before its first batch. */
  readonly cursor: KeyValues | undefined;
  /** The highest key when the pass began; undefined until it is read. */
  readonly upTo: KeyValues | undefined;
  /** Rows that were passed and rows that were written, in this pass. */
  readonly walked: number;
  readonly written: number;
  readonly writtenBefore: readonly number[];
}

export const firstWalk = (key: readonly string[]): Walk => ({
  key,
  pass: 1,
  cursor: undefined,
  upTo: undefined,
  walked: 0,
  written: 0,
  writtenBefore: [],
});

export const writtenInAll = ({ written, writtenBefore }: Walk): number =>
  writtenBefore.reduce((sum, rows) => sum + rows, written);

/** An application that goes on writing such rows would otherwise keep the backfill from ending. */
const MOST_PASSES = 10;

/** The pass is over. `undefined`: and so is the backfill. */
export function nextPass(walk: Walk, isRepeatable: boolean): Walk | undefined {
  if (!isRepeatable || walk.pass >= MOST_PASSES) return undefined;
  const before = walk.writtenBefore.at(-1);
  // A later pass finds what was inserted or undone during the one before it: nothing, or ever fewer rows.
  if (before !== undefined && (walk.written === 0 || walk.written >= before)) return undefined;
  return {
    ...firstWalk(walk.key),
    pass: walk.pass + 1,
    writtenBefore: [...walk.writtenBefore, walk.written],
  };
}

export const walkToJson = (walk: Walk): JsonObject => ({
  ...walk,
  cursor: walk.cursor ?? null,
  upTo: walk.upTo ?? null,
});

/** Undefined for what is not a walk by this key. */
export function walkFromJson(detail: JsonObject, key: readonly string[]): Walk | undefined {
  const { pass, walked, written, writtenBefore } = detail;
  const cursor = valuesOf(detail.cursor, key.length);
  const upTo = valuesOf(detail.upTo, key.length);
  const isSameKey =
    Array.isArray(detail.key) &&
    detail.key.length === key.length &&
    key.every((name, index) => (detail.key as readonly JsonValue[])[index] === name);
  if (!isSameKey || cursor === 'unknown' || upTo === 'unknown') return undefined;
  if (!isCount(pass) || !isCount(walked) || !isCount(written)) return undefined;
  if (!Array.isArray(writtenBefore) || !writtenBefore.every(isCount)) return undefined;
  return { key, pass, cursor, upTo, walked, written, writtenBefore };
}

const isCount = (value: JsonValue | undefined): value is number => typeof value === 'number' && value >= 0;

function valuesOf(value: JsonValue | undefined, length: number): KeyValues | undefined | 'unknown' {
  if (value === null) return undefined;
  if (!Array.isArray(value) || value.length !== length) return 'unknown';
  return value.every((part) => typeof part === 'string') ? (value as readonly string[]) : 'unknown';
}
