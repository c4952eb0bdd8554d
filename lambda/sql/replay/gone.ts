/** What goes with objects that are dropped, found as Postgres's own DROP finds it. */
import type { CatalogLoss } from '../catalog';
import type { Doomed } from '../effects/mentions';
import type { ReplayedState } from './state';
import { type Address, ALL, type ReplayedConstraint, type Thing, whole } from './things';

/** The objects that a statement drops, as far as they exist. */
export function named({ kind, name, part = '' }: Doomed, state: ReplayedState): readonly Address[] {
  switch (kind) {
    case 'relation':
      return oidOf(state.find('relation', name));
    case 'type':
      // Of a database's composite types, the relation may be all that was asked for.
      return oidOf(state.findType(name) ?? state.find('relation', name));
    case 'statistics':
      return oidOf(state.find('statistics', name));
    case 'function':
      return state.functions(name).map(({ oid }) => whole(oid));
    case 'schema':
      return [...state.things()]
        .filter((thing) => 'schema' in thing && thing.schema === name.name)
        .map(({ oid }) => whole(oid));
    case 'extension':
      return [];
    case 'column': {
      const table = state.find('relation', name);
      const column = table?.columns.find((each) => each.name === part);
      return table === undefined || column === undefined ? [] : [{ oid: table.oid, column: column.number }];
    }
    default: {
      const table = state.find('relation', name);
      const parts: readonly Thing[] = table === undefined ? [] : state.partsOf(table.oid, kind);
      return oidOf(parts.find((thing) => 'name' in thing && thing.name === part));
    }
  }
}

const oidOf = (thing: Thing | undefined): readonly Address[] =>
  thing === undefined ? [] : [whole(thing.oid)];

/** A generated column goes with its expression, being the same thing. */
export function goneWith(seeds: readonly Address[], state: ReplayedState): readonly Address[] {
  const found = new Map<string, Address>();
  const queue = [...seeds];
  for (let address = queue.pop(); address !== undefined; address = queue.pop()) {
    const key = `${address.oid} ${address.column}`;
    if (found.has(key)) continue;
    found.set(key, address);
    const needing = state.dependents(address).filter(({ strength }) => strength !== 'mention');
    queue.push(...needing.map(({ of }) => of));
    const thing = state.thing(address.oid);
    if (thing?.class === 'default' && thing.isGenerated)
      queue.push({ oid: thing.table, column: thing.column });
    // A key to one partition goes with the partition, and then the key as a whole is none.
    if (thing?.class === 'constraint') {
      const above = state.dependencies(thing.oid).filter(({ strength }) => strength === 'internal');
      queue.push(...above.map(({ on }) => on));
    }
    if (thing?.class === 'relation' && address.column === ALL) {
      queue.push(...standingOn(thing.oid, state));
    }
  }
  return [...found.values()];
}

/** Whatever the table is, its parts are nothing without it. */
function standingOn(table: number, state: ReplayedState): readonly Address[] {
  const spaces = [
    'constraint',
    'default',
    'trigger',
    'rule',
    'policy',
    'publication entry',
    'statistics',
  ] as const;
  const parts = spaces.flatMap((space) => state.partsOf<Thing['class']>(table, space));
  return [...parts, ...state.indexes(table)].map(({ oid }) => whole(oid));
}

type Loss = Omit<CatalogLoss, 'of'>;

/** As they lock: a part that goes locks its table, and extended statistics do so weakly. */
export function lossesIn(gone: readonly Address[], state: ReplayedState): readonly Loss[] {
  const losses = gone.flatMap(({ oid, column }): readonly Loss[] => {
    const thing = state.thing(oid);
    switch (thing?.class) {
      case 'relation': {
        const index =
          thing.index === undefined ? [] : [{ relation: thing.index.table, what: 'part' as const }];
        return [{ relation: oid, what: column === ALL ? 'itself' : 'part' }, ...index];
      }
      case 'statistics':
        return [{ relation: thing.table, what: 'beside' }];
      case 'constraint':
        return [thing.table, ...triggeredBy(thing, state)].map((relation) => ({ relation, what: 'part' }));
      case 'default':
      case 'trigger':
      case 'rule':
      case 'policy':
        return [{ relation: thing.table, what: 'part' }];
      default:
        return [];
    }
  });
  return [...new Map(losses.map((loss) => [`${loss.relation} ${loss.what}`, loss])).values()];
}

/** The triggers of a foreign key stand on the referenced table, too; those of a partition's key are the whole table's. */
function triggeredBy({ oid, references }: ReplayedConstraint, state: ReplayedState): readonly number[] {
  const isOfPartition = state
    .dependencies(oid)
    .some(({ on, strength }) => strength === 'auto' && state.thing(on.oid)?.class === 'constraint');
  return references === undefined || isOfPartition ? [] : [references];
}

/** What is named, and nothing that depends on it: see {@link goneWith}. */
export function remove(gone: readonly Address[], state: ReplayedState): void {
  for (const { oid, column } of gone) {
    const table = column === ALL ? undefined : state.relation(oid);
    if (table === undefined) continue;
    state.forgetDependencies(({ of }) => of.column === column, oid);
    state.put({ ...table, columns: table.columns.filter(({ number }) => number !== column) });
  }
  for (const { oid, column } of gone) {
    if (column !== ALL) continue;
    for (const parent of state.relation(oid)?.parents ?? []) {
      const found = state.relation(parent);
      if (found?.defaultPartition === oid) state.put({ ...found, defaultPartition: undefined });
    }
    state.remove(oid);
  }
}
