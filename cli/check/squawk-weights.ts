/** What each of Squawk's rules is about, so that the facts about a statement can confirm or refute it. */
import type { RuleContext } from '../../lambda/checks/rules';
import { isAllNew, type Remark, type Weight, waitOf } from '../../lambda/checks/second-opinion';

/** Answered by how Godwit runs migrations, whatever the statement. */
export const OF_NO_INTEREST = [
  // The executor limits every wait for a lock and every statement, and it runs the file whole or resumes it.
  'require-lock-timeout',
  'require-statement-timeout',
  'prefer-robust-stmts',
  'transaction-nesting',
  'ban-uncommitted-transaction',
  'ban-concurrent-index-creation-in-transaction',
  // A wider varchar is a change in the catalog alone, and a narrower one is judged by the facts.
  'prefer-text-field',
] as const;

/** Right only where tables that were there are read in full or written anew under a lock that somebody waits for. */
const LONG_WAIT: ReadonlySet<string> = new Set([
  'require-concurrent-index-creation',
  'require-concurrent-reindex',
  'constraint-missing-not-valid',
  'disallowed-unique-constraint',
  'adding-foreign-key-constraint',
  'adding-not-nullable-field',
  'adding-field-with-default',
  'adding-serial-primary-key-field',
  'changing-column-type',
  'prefer-repack',
]);

/** Right where anybody waits at all. */
const ANY_WAIT: ReadonlySet<string> = new Set([
  'require-concurrent-index-deletion',
  'require-concurrent-partition-detach',
]);

/** Right where the application may use what goes or changes. */
const IN_USE: ReadonlySet<string> = new Set([
  'adding-required-field',
  'ban-drop-column',
  'ban-drop-database',
  'ban-drop-not-null',
  'ban-drop-table',
  'ban-truncate-cascade',
  'renaming-column',
  'renaming-table',
]);

export function weightOf({ rule }: Remark, context: RuleContext): Weight {
  // Postgres's own parser takes it.
  if (rule === 'syntax-error') return 'refuted';
  const wait = waitOf(context);
  if (LONG_WAIT.has(rule)) return wait === 'unknown' ? 'open' : wait === 'long' ? 'confirmed' : 'refuted';
  if (ANY_WAIT.has(rule)) return wait === 'unknown' ? 'open' : wait === 'none' ? 'refuted' : 'confirmed';
  if (!IN_USE.has(rule)) return 'open';
  if (isAllNew(context)) return 'refuted';
  return context.effects.phase === 'contract' ? 'confirmed' : 'open';
}
