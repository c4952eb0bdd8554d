/** Effects of DROP: on what goes, and on the tables of what goes with it. */
import type { DropStmt } from 'libpg-query';
import { nameParts, qualifiedName } from '../names';
import type { EffectsCollector } from './collector';
import { lockLosses } from './losses';
import { rule } from './rules';

/** Kinds of objects on which something else may depend that holds rows, and which the catalog query does not follow. */
const UNFOLLOWED: readonly (string | undefined)[] = [
  'OBJECT_OPERATOR',
  'OBJECT_OPCLASS',
  'OBJECT_OPFAMILY',
  'OBJECT_CAST',
  'OBJECT_COLLATION',
  'OBJECT_LANGUAGE',
  'OBJECT_FOREIGN_SERVER',
  'OBJECT_FDW',
  'OBJECT_ACCESS_METHOD',
];

export const DROP_RULES = {
  ...rule('DropStmt', (drop, effects) => {
    if (drop.missing_ok !== true) effects.once();
    effects.phase(isOnlyHelpful(drop) ? 'expand' : 'contract');
    if (drop.concurrent === true) {
      dropConcurrently(drop, effects);
    } else {
      if (drop.behavior === 'DROP_CASCADE' && UNFOLLOWED.includes(drop.removeType)) effects.hide();
      lockLosses(effects);
    }
  }),
  ...rule('DropOwnedStmt', (_, effects) => {
    effects.phase('contract');
    effects.hide();
  }),
};

/** Nothing that an application names in its queries. */
const isOnlyHelpful = ({ removeType }: DropStmt): boolean =>
  ['OBJECT_INDEX', 'OBJECT_STATISTIC_EXT', 'OBJECT_TRIGGER', 'OBJECT_PUBLICATION'].includes(removeType ?? '');

function dropConcurrently(drop: DropStmt, effects: EffectsCollector): void {
  for (const object of drop.objects ?? []) {
    const index = effects.find(qualifiedName(nameParts(object)));
    if (index?.index === undefined) continue;
    effects.lock(effects.catalog.get(index.index.table), 'ShareUpdateExclusiveLock');
    effects.lock(index, 'ShareUpdateExclusiveLock');
  }
}
