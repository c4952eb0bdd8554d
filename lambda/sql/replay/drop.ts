/** DROP: what is named goes, and whatever cannot be without it. */
import type { DropStmt } from 'libpg-query';
import { relationsMentioned } from '../effects/mentions';
import { nameParts } from '../names';
import type { Node, SqlStatement } from '../parse';
import { goneWith, named, remove } from './gone';
import type { ReplayedState } from './state';
import { whole } from './things';
import { resolveType } from './types';

/** Dropped as if CASCADE were said: without it, Postgres would have refused, and no history would have the statement. */
export function drop(statement: SqlStatement, content: DropStmt, state: ReplayedState): void {
  if (content.removeType === 'OBJECT_PUBLICATION') {
    for (const object of content.objects ?? []) {
      const found = state.withName('publication', {
        schema: undefined,
        name: nameParts(object).at(-1) ?? '',
      });
      remove(
        goneWith(
          found.map(({ oid }) => whole(oid)),
          state,
        ),
        state,
      );
    }
    return;
  }
  if (FUNCTIONS.includes(content.removeType)) {
    for (const object of content.objects ?? []) dropFunction(object, state);
    return;
  }
  for (const doomed of relationsMentioned(statement).doomed) {
    remove(goneWith(named(doomed, state), state), state);
  }
}

const FUNCTIONS: readonly (string | undefined)[] = [
  'OBJECT_FUNCTION',
  'OBJECT_PROCEDURE',
  'OBJECT_ROUTINE',
  'OBJECT_AGGREGATE',
];

/** Of several with the name, the arguments tell which one. */
export function functionMeant(object: Node | undefined, state: ReplayedState) {
  if (object === undefined || !('ObjectWithArgs' in object)) return [];
  const { objargs = [], args_unspecified } = object.ObjectWithArgs;
  const parts = nameParts(object);
  const found = state.functions({ schema: parts.at(-2), name: parts.at(-1) ?? '' });
  if (args_unspecified === true || found.length < 2) return found;
  const types = objargs.map((node) => ('TypeName' in node ? resolveType(node.TypeName, state).type : 0));
  return found.filter((each) => each.arguments.join() === types.join());
}

function dropFunction(object: Node, state: ReplayedState): void {
  for (const { oid } of functionMeant(object, state)) remove(goneWith([whole(oid)], state), state);
}
