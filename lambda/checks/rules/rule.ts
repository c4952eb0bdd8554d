/** What a rule is: a condition on one statement, read from its parse tree, its effects and the catalog before it, never from its text. */
import type { Severity } from '../../domain/finding';
import type { Catalog, CatalogName } from '../../sql/catalog';
import type { StatementEffects } from '../../sql/effects/effects';
import type { Kind } from '../../sql/effects/rules';
import type { QualifiedName } from '../../sql/names';
import type { ParsedScript, SqlStatement } from '../../sql/parse';
import type { HiddenCode } from './hidden-code';

export interface Example {
  /** A migration before it, which makes tables and rows. */
  readonly before?: string;
  readonly sql: string;
  /** SQLSTATE with which a server refuses it. */
  readonly fails?: string;
}

export interface Fault {
  readonly subject: string;
  readonly effect?: string;
  readonly remedy?: string;
  readonly severity?: Severity;
  /** In the script: where a caret shall point. */
  readonly offset?: number;
}

export interface Rule {
  /** Stable, kebab-case: suppressions name it. */
  readonly id: string;
  /** Kinds of statements that it looks at; without it, at every one. */
  readonly on?: readonly Kind[];
  readonly severity: Severity;
  readonly title: string;
  readonly condition: string;
  /** Of the rule as such; a fault that knows more says it in its own words. */
  readonly effect: string;
  readonly remedy: string;
  readonly bad: Example;
  readonly good: Example;
  /** `work`: what it finds takes as long as the table is large; on one that is known to be small it is no more than info. */
  readonly weight?: 'work';
  find(context: RuleContext): readonly Fault[];
}

/** A statement of the migration, already judged. */
export interface Judged {
  readonly statement: SqlStatement;
  readonly effects: StatementEffects;
}

export interface RuleContext {
  readonly statement: SqlStatement;
  readonly effects: StatementEffects;
  /** As it is before the statement. */
  readonly catalog: Catalog;
  readonly script: ParsedScript;
  /** Text of the script. */
  readonly sql: string;
  /** Of the statement in the script. */
  readonly index: number;
  readonly mode: 'atomic' | 'stepwise';
  /** Those before it in the same migration. */
  readonly earlier: readonly Judged[];
  /** Code that the statement runs and does not show. */
  readonly hidden: HiddenCode;
  /** Made by this very migration: empty, and used by nobody. */
  isNew(oid: number): boolean;
  /** Mentioned but made by no migration, and so taken to be there, with unknown columns. */
  isAssumed(oid: number): boolean;
  /** Names in the statement of tables that are taken to be there. */
  readonly strays: readonly QualifiedName[];
  /** Whether everything that exists is known: from a database, or from a history that has made tables. */
  readonly knowsAll: boolean;
  /** Known with a database only. */
  readonly facts: DatabaseFacts | undefined;
}

export interface DatabaseFacts {
  readonly serverVersion: number;
  sizeOf(relation: CatalogName): { readonly rows: number; readonly bytes: number } | undefined;
  /** Of a sequential scan, measured on this server. */
  readonly bytesPerSecond: number | undefined;
  /** From pg_stat_statements: a statement that lately mentioned the column or table; undefined where it is not there. */
  lastUse(relation: CatalogName, column?: string): string | undefined;
}
