/** The names that Postgres gives to indexes, constraints and sequences of which a statement names none. */
import type { ReplayedState } from './state';

const MOST_BYTES = 63;

/** `ChooseRelationName` in indexcmds.c. */
export function chooseRelationName(
  parts: { readonly table: string; readonly columns?: readonly string[]; readonly label: string },
  { schema, isConstraint = false }: { readonly schema: string; readonly isConstraint?: boolean },
  state: ReplayedState,
): string {
  return firstFree(
    parts,
    (name) =>
      state.withName('relation', { schema, name }).length === 0 &&
      !(isConstraint && isConstraintName(name, schema, state)),
  );
}

/** `ChooseConstraintName` in pg_constraint.c. */
export function chooseConstraintName(
  parts: { readonly table: string; readonly columns?: readonly string[]; readonly label: string },
  schema: string,
  state: ReplayedState,
): string {
  return firstFree(parts, (name) => !isConstraintName(name, schema, state));
}

const isConstraintName = (name: string, schema: string, state: ReplayedState): boolean =>
  state
    .withName('constraint', { schema: undefined, name })
    .some(({ table }) => state.relation(table)?.schema === schema);

function firstFree(
  {
    table,
    columns = [],
    label,
  }: { readonly table: string; readonly columns?: readonly string[]; readonly label: string },
  isFree: (name: string) => boolean,
): string {
  for (let pass = 0; ; pass += 1) {
    const name = objectName(table, joined(columns), pass === 0 ? label : `${label}${pass}`);
    if (isFree(name)) return name;
  }
}

/** Columns are joined until there is no more room. */
function joined(columns: readonly string[]): string {
  let name = '';
  for (const column of columns) {
    name = name === '' ? column : `${name}_${column}`;
    if (Buffer.byteLength(name) >= MOST_BYTES + 1) break;
  }
  return name;
}

/** `makeObjectName` in indexcmds.c: the longer part is shortened first. */
function objectName(table: string, columns: string, label: string): string {
  let [one, two] = [Buffer.byteLength(table), Buffer.byteLength(columns)];
  const room = MOST_BYTES - (columns === '' ? 0 : 1) - (label === '' ? 0 : Buffer.byteLength(label) + 1);
  while (one + two > room) {
    if (one > two) one -= 1;
    else two -= 1;
  }
  return [clipped(table, one), clipped(columns, two), label].filter((part) => part !== '').join('_');
}

/** No character is cut in two. */
function clipped(text: string, bytes: number): string {
  let kept = '';
  for (const character of text) {
    if (Buffer.byteLength(kept) + Buffer.byteLength(character) > bytes) break;
    kept += character;
  }
  return kept;
}
