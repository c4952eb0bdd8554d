/** Compares what a statement did with what was foretold of it. */
import type { Unforeseen } from '../../domain/rehearsal';
import type { LockNeed, StatementEffects } from '../../sql/effects/effects';
import { blocksRequests, type LockMode, stronger } from '../../sql/lock-modes';

export interface SeenRelation {
  readonly oid: number;
  readonly name: string;
}

export interface SeenLock extends SeenRelation {
  readonly mode: LockMode;
}

export interface Seen {
  /** Those that it took anew. */
  readonly locks: readonly SeenLock[];
  /** Whatever it took, and what its transaction had before; undefined where locks came and went unseen. */
  readonly held: ReadonlyMap<number, LockMode> | undefined;
  readonly rewritten: readonly SeenRelation[];
  /** Relations that were there before, by oid. */
  readonly known: ReadonlyMap<number, SeenRelation>;
}

export function unforeseenIn(effects: StatementEffects, seen: Seen): readonly Unforeseen[] {
  const isHidden = effects.opaque;
  const foretold = new Map(effects.locks.map((need) => [need.oid, need]));
  const taken = [...strongest(seen.locks).values()].flatMap(({ oid, name, mode }): Unforeseen[] => {
    const expected = foretold.get(oid)?.mode;
    if (expected !== undefined && stronger(expected, mode) === expected) return [];
    const what = { what: 'lock', relation: name, mode, isHidden } as const;
    return [expected === undefined ? what : { ...what, foretold: expected }];
  });
  const rewrites = effects.locks.filter((need) => isRewritten(effects, need));
  const anew = seen.rewritten
    .filter(({ oid }) => !rewrites.some((need) => need.oid === oid))
    .map(({ name }): Unforeseen => ({ what: 'rewrite', relation: name, isHidden }));
  return [...taken, ...anew, ...notSeen(effects, seen, rewrites)];
}

const isRewritten = ({ rewrites }: StatementEffects, { relation }: LockNeed): boolean =>
  rewrites.some(({ schema, name }) => schema === relation.schema && name === relation.name);

function notSeen(effects: StatementEffects, seen: Seen, rewrites: readonly LockNeed[]): Unforeseen[] {
  const isHidden = effects.opaque;
  const { held, known } = seen;
  const notTaken = (held === undefined ? [] : effects.locks).flatMap(({ oid, mode }): Unforeseen[] => {
    const relation = known.get(oid);
    const has = held?.get(oid);
    const isTaken = has !== undefined && stronger(has, mode) === has;
    if (relation === undefined || !blocksRequests(mode) || isTaken) return [];
    return [{ what: 'no-lock', relation: relation.name, mode, isHidden }];
  });
  const notWritten = rewrites.flatMap(({ oid }): Unforeseen[] => {
    const relation = known.get(oid);
    if (relation === undefined || seen.rewritten.some((one) => one.oid === oid)) return [];
    return [{ what: 'no-rewrite', relation: relation.name, isHidden }];
  });
  return [...notTaken, ...notWritten];
}

/** By relation. */
export function strongest<L extends { readonly oid: number; readonly mode: LockMode }>(
  locks: readonly L[],
): ReadonlyMap<number, L> {
  const found = new Map<number, L>();
  for (const lock of locks) {
    const known = found.get(lock.oid);
    if (known === undefined || stronger(known.mode, lock.mode) !== known.mode) found.set(lock.oid, lock);
  }
  return found;
}
