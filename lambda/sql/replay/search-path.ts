/** Follows `search_path`: SET, RESET, and `set_config` as pg_dump writes it. */
import { nameParts } from '../names';
import type { Node } from '../parse';
import { CATALOG_SCHEMA } from './built-ins';
import { constantIn, nameIn, nodesOf } from './expressions';
import type { ReplayedState } from './state';

/** @param initial what a new session has. */
export function followSearchPath(node: Node, initial: readonly string[], state: ReplayedState): void {
  const set = 'VariableSetStmt' in node ? setting(node.VariableSetStmt, initial) : configured(node);
  if (set !== undefined) state.searchPath = set.includes(CATALOG_SCHEMA) ? set : [CATALOG_SCHEMA, ...set];
}

function setting(
  { kind, name, args }: Extract<Node, { readonly VariableSetStmt: unknown }>['VariableSetStmt'],
  initial: readonly string[],
): readonly string[] | undefined {
  if (kind === 'VAR_RESET_ALL') return initial;
  if (name !== 'search_path') return undefined;
  return kind === 'VAR_SET_VALUE'
    ? (args ?? []).map((arg) => constantIn(arg) ?? '').filter(Boolean)
    : initial;
}

function configured(node: Node): readonly string[] | undefined {
  if (!('SelectStmt' in node)) return undefined;
  for (const { funcname, args } of nodesOf(node, 'FuncCall')) {
    const name = (Array.isArray(funcname) ? funcname : []).flatMap(nameParts).at(-1);
    const [setting, value] = (Array.isArray(args) ? args : []).map(constantIn);
    if (name !== 'set_config' || setting !== 'search_path' || value === undefined) continue;
    return value
      .split(',')
      .map((part) => nameIn(part.trim()).name)
      .filter(Boolean);
  }
  return undefined;
}
