/** Gathers a statement's effects, each on the relations that existed before it. */
import type { Catalog, CatalogLoss, CatalogName, CatalogRelation, RelationKind } from '../catalog';
import { type LockMode, stronger } from '../lock-modes';
import { type QualifiedName, shown, shownName } from '../names';

export interface LockNeed {
  readonly oid: number;
  readonly relation: CatalogName;
  readonly kind: RelationKind;
  readonly mode: LockMode;
  /** The current role may LOCK TABLE it, and it is of a kind that LOCK TABLE accepts. */
  readonly lockable: boolean;
}

/** `expand`: what the application does goes on working; `contract`: something it may use goes, or is refused. */
export type Phase = 'expand' | 'contract' | 'neutral';

export interface StatementEffects {
  /** The strongest mode for each relation, in the order in which Postgres takes them as far as known. */
  readonly locks: readonly LockNeed[];
  /** Tables that are read in full while the locks are held. */
  readonly scans: readonly CatalogName[];
  /** Tables and indexes that are written anew while the locks are held. */
  readonly rewrites: readonly CatalogName[];
  /** After it succeeded, it may run again: it succeeds and changes nothing. */
  readonly idempotent: boolean;
  readonly phase: Phase;
  /** Columns, as `table.column`, whose type changes: prepared statements of live sessions that return them fail (0A000). */
  readonly changesResultType: readonly string[];
  /** It runs code that the parse tree does not show (DO, CALL, functions, triggers): locks may be more than those listed. */
  readonly opaque: boolean;
}

export class EffectsCollector {
  readonly catalog: Catalog;
  /** Of all that the catalog knows to go, what this statement takes with it. */
  readonly losses: readonly CatalogLoss[];
  readonly #locks = new Map<number, LockNeed>();
  readonly #scans = new Map<number, CatalogName>();
  readonly #rewrites = new Map<number, CatalogName>();
  readonly #changesResultType: string[] = [];
  #idempotent = true;
  #phase: Phase = 'neutral';
  #opaque = false;

  constructor(catalog: Catalog, losses: readonly CatalogLoss[]) {
    this.catalog = catalog;
    this.losses = losses;
  }

  lock(relation: CatalogRelation | undefined, mode: LockMode): void {
    if (relation === undefined) return;
    const { oid, name, kind, lockable } = relation;
    const known = this.#locks.get(oid)?.mode;
    this.#locks.set(oid, {
      oid,
      relation: name,
      kind,
      mode: known === undefined ? mode : stronger(known, mode),
      lockable,
    });
  }

  lockFamily(relation: CatalogRelation | undefined, mode: LockMode): void {
    if (relation === undefined) return;
    for (const member of this.catalog.family(relation)) this.lock(member, mode);
  }

  /** Only what has rows of its own is read. */
  scan(relation: CatalogRelation | undefined): void {
    if (relation !== undefined && HAS_ROWS.includes(relation.kind))
      this.#scans.set(relation.oid, relation.name);
  }

  scanFamily(relation: CatalogRelation | undefined): void {
    if (relation === undefined) return;
    for (const member of this.catalog.family(relation)) this.scan(member);
  }

  rewrite(relation: CatalogRelation | undefined): void {
    if (relation !== undefined && HAS_FILE.includes(relation.kind)) {
      this.#rewrites.set(relation.oid, relation.name);
    }
  }

  /** With each of its indexes. */
  rewriteTable(table: CatalogRelation | undefined): void {
    // A partitioned table has no rows of its own.
    if (table === undefined || !HAS_ROWS.includes(table.kind)) return;
    this.scan(table);
    this.rewrite(table);
    for (const index of this.catalog.indexesOf(table)) {
      this.lock(index, 'AccessExclusiveLock');
      this.rewrite(index);
    }
  }

  find(name: QualifiedName): CatalogRelation | undefined {
    return this.catalog.find(name);
  }

  changeResultType(relation: CatalogRelation, column: string): void {
    this.#changesResultType.push(`${shownName(relation.name)}.${shown(column)}`);
  }

  /** What contracts in one part contracts as a whole. */
  phase(phase: Phase): void {
    if (this.#phase !== 'contract' && phase !== 'neutral') this.#phase = phase;
  }

  once(): void {
    this.#idempotent = false;
  }

  /** Of code that is not known, it is not known what running it again does. */
  hide(): void {
    this.#opaque = true;
    this.#idempotent = false;
  }

  result(): StatementEffects {
    return {
      locks: [...this.#locks.values()],
      scans: [...this.#scans.values()],
      rewrites: [...this.#rewrites.values()],
      idempotent: this.#idempotent,
      phase: this.#phase,
      changesResultType: this.#changesResultType,
      opaque: this.#opaque,
    };
  }
}

const HAS_ROWS: readonly RelationKind[] = ['table', 'materialized view'];

const HAS_FILE: readonly RelationKind[] = ['table', 'index', 'materialized view'];
