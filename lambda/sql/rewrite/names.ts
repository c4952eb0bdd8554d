/** Finds names for what a rewriting makes: as Postgres would choose them, or such as nobody has. */
import type { Catalog, CatalogRelation } from '../catalog';

/** `NAMEDATALEN - 1`, in bytes. */
const LONGEST = 63;

export class Names {
  readonly #taken = new Set<string>();

  /** For something that stays only until the migration is through. */
  free(base: string, suffix: string, catalog: Catalog): string {
    for (let number = 1; ; number += 1) {
      const name = joined([base], `${suffix}${number === 1 ? '' : number}`);
      if (this.#taken.has(name) || isTaken(name, catalog)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}

/** Constraints, indexes and relations alike: nothing may be mistaken for another. */
const isTaken = (name: string, { rows }: Catalog): boolean =>
  rows.relations.some(
    (relation) =>
      relation.name.name === name ||
      relation.constraints.some((constraint) => constraint.name === name) ||
      relation.columns.some((column) => column.name === name),
  );

/** As Postgres names what has no name (`ChooseConstraintName`); undefined where that name is taken and it would count on. */
export function chosenName(
  table: CatalogRelation,
  columns: readonly string[],
  label: 'pkey' | 'key' | 'fkey' | 'check' | 'not_null' | 'seq',
  catalog: Catalog,
): string | undefined {
  const parts =
    label === 'pkey' || columns.length === 0 ? [table.name.name] : [table.name.name, columns.join('_')];
  const name = joined(parts, `_${label}`);
  return isTaken(name, catalog) ? undefined : name;
}

/** Cuts the longest of the parts until all fits (`makeObjectName`). */
function joined(parts: readonly string[], suffix: string): string {
  const cut = [...parts];
  const whole = (): string => `${cut.join('_')}${suffix}`;
  while (Buffer.byteLength(whole()) > LONGEST) {
    const longest = cut.reduce((at, part, index) => (size(part) > size(cut[at] ?? '') ? index : at), 0);
    cut[longest] = [...(cut[longest] ?? '')].slice(0, -1).join('');
  }
  return whole();
}

const size = (text: string): number => Buffer.byteLength(text);
