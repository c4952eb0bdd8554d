/** Tells before a statement runs what it locks, reads in full, writes anew and takes away, from its parse tree and the catalog. */
import type { Catalog } from '../catalog';
import type { Node, SqlStatement } from '../parse';
import { ACTIONS, ALTER_RULES } from './alter';
import { EffectsCollector, type StatementEffects } from './collector';
import { CREATE_RULES } from './create';
import { DATA_RULES } from './data';
import { DROP_RULES } from './drop';
import { MAINTENANCE_RULES } from './maintenance';
import { relationsMentioned } from './mentions';
import { OTHER_RULES } from './other';
import { type Rules, rule } from './rules';

export type { LockNeed, Phase, StatementEffects } from './collector';
export { relationsMentioned };

const SCHEMA_RULES = rule('CreateSchemaStmt', ({ schemaElts, if_not_exists }, effects) => {
  effects.phase('expand');
  if (if_not_exists !== true) effects.once();
  for (const element of schemaElts ?? []) apply(element, effects);
});

const RULES: Rules = {
  ...ALTER_RULES,
  ...CREATE_RULES,
  ...DATA_RULES,
  ...DROP_RULES,
  ...MAINTENANCE_RULES,
  ...OTHER_RULES,
  ...SCHEMA_RULES,
};

/** Kinds of statements of which the effects are known. */
export const KNOWN_KINDS: readonly string[] = Object.keys(RULES);

/** Actions of ALTER TABLE likewise. */
export const KNOWN_ACTIONS: readonly string[] = Object.keys(ACTIONS);

export function effectsOf(statement: SqlStatement, catalog: Catalog): StatementEffects {
  const losses = catalog.lossesOf(relationsMentioned(statement).doomed);
  const effects = new EffectsCollector(catalog, losses);
  apply(statement.node, effects);
  return effects.result();
}

function apply(node: Node, effects: EffectsCollector): void {
  const known = RULES[Object.keys(node)[0] ?? ''];
  if (known === undefined) effects.hide();
  else known(node, effects);
}
