/** Sees, inside a rehearsal's transaction, what a statement locked, wrote anew and cost, and whether that was foretold. */
import type { StatementCost, Unforeseen } from '../../domain/rehearsal';
import type { Session } from '../../ports/database';
import { effectsOf, type StatementEffects } from '../../sql/effects/effects';
import type { LockMode } from '../../sql/lock-modes';
import type { SqlStatement } from '../../sql/parse';
import { readCatalog } from '../catalog/read-catalog';
import { costBetween, type DiskReading, readDisk } from './disk';
import { type SeenLock, type SeenRelation, strongest, unforeseenIn } from './foretold';
import { type RelationFile, readFiles, readOwnLocks } from './relations';

export interface ObservedEffects {
  readonly locks: readonly { readonly relation: string; readonly mode: string }[];
  readonly rewrites: boolean;
  readonly cost: StatementCost;
  readonly unforeseen: readonly Unforeseen[];
}

interface Before {
  readonly effects: StatementEffects;
  readonly disk: DiskReading;
}

export const foretell = async (session: Session, statement: SqlStatement): Promise<StatementEffects> =>
  effectsOf(statement, await readCatalog(session, [statement]));

/** Locks are kept until the transaction ends: what was held before the statement is not the statement's. */
export class StatementObserver {
  readonly #session: Session;
  readonly #onLooked: (ms: number) => void;
  readonly #held = new Map<string, SeenLock>();
  /** Those that existed when the transaction began: locks on later ones stand in nobody's way. */
  readonly #known: Map<number, RelationFile>;
  #before: Before | undefined;
  #lookedMs = 0;

  private constructor(session: Session, known: Map<number, RelationFile>, onLooked: (ms: number) => void) {
    this.#session = session;
    this.#known = known;
    this.#onLooked = onLooked;
  }

  /** To be called in the transaction, before its first statement. `onLooked` learns what looking took. */
  static async begin(session: Session, onLooked: (ms: number) => void): Promise<StatementObserver> {
    const began = performance.now();
    const observer = new StatementObserver(session, new Map(await readFiles(session)), onLooked);
    await observer.#lookAtLocks();
    observer.#looked(began);
    return observer;
  }

  async before(statement: SqlStatement): Promise<void> {
    const began = performance.now();
    const effects = await foretell(this.#session, statement);
    this.#before = { effects, disk: await readDisk(this.#session) };
    this.#looked(began);
  }

  async after(): Promise<ObservedEffects> {
    const began = performance.now();
    const { fresh, rewritten } = await this.#lookAtLocks();
    const disk = await readDisk(this.#session);
    this.#looked(began);
    const observedMs = this.#lookedMs;
    this.#lookedMs = 0;
    const { effects, disk: diskBefore } = this.#before ?? { effects: undefined, disk };
    const held = new Map<number, LockMode>();
    for (const [oid, { mode }] of strongest([...this.#held.values()])) held.set(oid, mode);
    return {
      locks: fresh.map(({ name, mode }) => ({ relation: name, mode })),
      rewrites: rewritten.length > 0,
      cost: { observedMs, ...costBetween(diskBefore, disk) },
      unforeseen:
        effects === undefined
          ? []
          : unforeseenIn(effects, { locks: fresh, held, rewritten, known: this.#known }),
    };
  }

  async #lookAtLocks(): Promise<{ fresh: readonly SeenLock[]; rewritten: readonly SeenRelation[] }> {
    const fresh: SeenLock[] = [];
    const rewritten = new Map<number, SeenRelation>();
    for (const { oid, mode, file } of await readOwnLocks(this.#session)) {
      const known = this.#known.get(oid);
      if (known === undefined) continue;
      const lock = { oid, name: known.name, mode };
      if (!this.#held.has(`${oid} ${mode}`)) fresh.push(lock);
      this.#held.set(`${oid} ${mode}`, lock);
      if (file === null || known.file === file) continue;
      rewritten.set(oid, known);
      this.#known.set(oid, { ...known, file });
    }
    return { fresh, rewritten: [...rewritten.values()] };
  }

  #looked(beganMs: number): void {
    const ms = performance.now() - beganMs;
    this.#lookedMs += ms;
    this.#onLooked(ms);
  }
}
