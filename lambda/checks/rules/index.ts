/** All rules, by family. */
import { COLUMN_RULES } from './columns';
import { CONSTRAINT_RULES } from './constraints';
import { DATA_RULES } from './data';
import { DROP_RULES } from './drops';
import { FILE_RULES } from './file';
import { FOREIGN_KEY_RULES } from './foreign-keys';
import { HIDDEN_RULES } from './hidden';
import { INDEX_RULES } from './indexes';
import { NAME_RULES } from './names';
import { PARTITION_RULES } from './partitions';
import { QUERY_RULES } from './queries';
import { RENAME_RULES } from './renames';
import type { Rule } from './rule';
import { TRANSACTION_RULES } from './transactions';

export type { DatabaseFacts, Example, Fault, Rule, RuleContext } from './rule';

export const FAMILIES: Readonly<Record<string, readonly Rule[]>> = {
  Indexes: INDEX_RULES,
  Constraints: CONSTRAINT_RULES,
  'Foreign keys': FOREIGN_KEY_RULES,
  Columns: COLUMN_RULES,
  'What goes': DROP_RULES,
  Names: [...NAME_RULES, ...RENAME_RULES],
  Rows: DATA_RULES,
  'Transactions and locks': TRANSACTION_RULES,
  'Partitions, domains and types': PARTITION_RULES,
  'Code that runs unseen': HIDDEN_RULES,
  Queries: QUERY_RULES,
  'The file': FILE_RULES,
};

export const RULES: readonly Rule[] = Object.values(FAMILIES).flat();

const byKind = new Map<string, readonly Rule[]>();

/** Rules that look at statements of the kind. */
export function rulesOn(kind: string): readonly Rule[] {
  const known =
    byKind.get(kind) ?? RULES.filter(({ on }) => on === undefined || on.some((one) => one === kind));
  byKind.set(kind, known);
  return known;
}

const BY_ID = new Map(RULES.map((rule) => [rule.id, rule]));

export const ruleOf = (id: string): Rule | undefined => BY_ID.get(id);
