/** Takes over what a database tells of its dependents: who reads, calls and publishes a relation. */
import type { CatalogDependency } from '../catalog';
import { newRelation, numbersIn } from './relations';
import type { ReplayedState } from './state';
import { type Address, ALL, type ReplayedPart, type ReplayedRelation, whole } from './things';

export function putDependency(dependency: CatalogDependency, state: ReplayedState): void {
  const on = state.relation(dependency.relation);
  if (on === undefined) return;
  const [column = ALL] = dependency.column === undefined ? [ALL] : numbersIn(on, [dependency.column]);
  const dependent = dependentOf(dependency, on, state);
  if (dependent === undefined) return;
  const address: Address = { oid: on.oid, column };
  const isKnown = state
    .dependencies(dependent.oid)
    .some((one) => one.on.oid === on.oid && one.on.column === column);
  if (isKnown) return;
  const strength = dependency.goesAlong ? 'auto' : 'normal';
  state.depend(dependent, address, dependency.certain ? strength : 'mention');
}

/** Made where it is not there yet. */
function dependentOf(
  { kind, object, standsOn }: CatalogDependency,
  on: ReplayedRelation,
  state: ReplayedState,
): Address | undefined {
  const name = { schema: object.schema ?? '', name: object.name };
  const table = standsOn === undefined ? undefined : state.find('relation', standsOn);
  switch (kind) {
    case 'view':
    case 'materialized view': {
      const known = state.find('relation', name);
      const view = known ?? newRelation({ ...name, kind }, state);
      if (known === undefined) state.put(view);
      return whole(view.oid);
    }
    case 'function': {
      const known = state.find('function', name);
      const oid = known?.oid ?? state.newOid();
      if (known === undefined) {
        state.put({ class: kind, oid, ...name, arguments: [], isVolatile: true, words: undefined });
      }
      return whole(oid);
    }
    case 'trigger':
    case 'rule':
    case 'policy':
      return table && partOf(kind, { table, name: object.name }, state);
    case 'statistics': {
      const known = state.find('statistics', name);
      const oid = known?.oid ?? state.newOid();
      if (known === undefined) state.put({ class: kind, oid, ...name, table: on.oid });
      return whole(oid);
    }
    case 'publication': {
      const address = partOf('publication entry', { table: on, name: object.name }, state);
      const [known] = state.withName('publication', { schema: undefined, name: object.name });
      const publication = known?.oid ?? state.newOid();
      if (known === undefined) {
        state.put({ class: kind, oid: publication, name: object.name, isForAllTables: false, schemas: [] });
      }
      state.depend(address, whole(publication), 'auto');
      return address;
    }
    case 'default':
    case 'generated column': {
      const [column] = numbersIn(table, [object.name]);
      const known = table && state.partsOf(table.oid, 'default').find((each) => each.column === column);
      return known && whole(known.oid);
    }
    default:
      return undefined;
  }
}

function partOf(
  space: ReplayedPart['class'],
  { table, name }: { readonly table: ReplayedRelation; readonly name: string },
  state: ReplayedState,
): Address {
  const known = state.partsOf(table.oid, space).find((part) => part.name === name);
  const oid = known?.oid ?? state.newOid();
  if (known === undefined) state.put({ class: space, oid, table: table.oid, name });
  return whole(oid);
}
