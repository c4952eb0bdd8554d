/** A column is required once a CHECK has proven that no row lacks it: the scan that SET NOT NULL would make under lock is spared. */
import type { CatalogRelation } from '../catalog';
import { quoted } from '../names';
import { expanding, type Group, type Rewriter, type Situation } from './draft';
import { alter, shownColumn, tableInUse, tableText, touchesRows } from './tables';
import { actionOf } from './units';

export const setNotNull: Rewriter = (unit, situation) => {
  const action = actionOf(unit);
  const table = tableInUse(unit, situation);
  if (action?.subtype !== 'AT_SetNotNull' || action.name === undefined || table === undefined)
    return undefined;
  if (!touchesRows(unit, situation)) return undefined;
  return {
    groups: [requireGroup(tableText(unit), action.name, table, situation)],
    rule: 'set-not-null-scans',
    reason: `a CHECK proves ${shownColumn(table, action.name)} while the table can be read and written; SET NOT NULL then reads no row`,
  };
};

/** `on`: the table as the migration writes it. */
export function requireGroup(
  on: string,
  column: string,
  table: CatalogRelation,
  situation: Situation,
): Group {
  const { proof, settle } = requirement({ on, column, table }, situation);
  return expanding('apart', [...proof, ...settle(column)]);
}

export interface Requirement {
  readonly proof: readonly string[];
  /** Reads no row; the column may have got another name by then. */
  settle(column: string): readonly string[];
}

export function requirement(
  { on, column, table }: { readonly on: string; readonly column: string; readonly table: CatalogRelation },
  { names, catalog }: Situation,
): Requirement {
  const check = quoted(names.free(`${table.name.name}_${column}`, '_required', catalog));
  return {
    proof: [
      alter(on, `ADD CONSTRAINT ${check} CHECK (${quoted(column)} IS NOT NULL) NOT VALID`),
      alter(on, `VALIDATE CONSTRAINT ${check}`),
    ],
    settle: (now) => [
      alter(on, `ALTER COLUMN ${quoted(now)} SET NOT NULL`),
      alter(on, `DROP CONSTRAINT ${check}`),
    ],
  };
}
