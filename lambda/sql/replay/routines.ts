/** Functions, with what their bodies need, and sequences. */
import type { AlterFunctionStmt, AlterSeqStmt, CreateFunctionStmt, CreateSeqStmt } from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import { wordsIn } from '../words';
import { ownedBy } from './columns';
import { functionMeant } from './drop';
import { addressesIn } from './expressions';
import { newRelation } from './relations';
import type { ReplayedState } from './state';
import { whole } from './things';
import { resolveType } from './types';

export function createFunction(create: CreateFunctionStmt, state: ReplayedState): void {
  const parts = qualifiedName((create.funcname ?? []).flatMap(nameParts));
  const { schema = state.currentSchema, name } = parts;
  const parameters = (create.parameters ?? []).flatMap((node) =>
    'FunctionParameter' in node ? [node.FunctionParameter] : [],
  );
  const types = parameters
    .filter(({ mode }) => !['FUNC_PARAM_OUT', 'FUNC_PARAM_TABLE'].includes(mode ?? ''))
    .map(({ argType }) => resolveType(argType, state).type);
  const known = state
    .withName('function', { schema, name })
    .find((each) => each.arguments.join() === types.join());
  if (known !== undefined && create.replace !== true) return;
  const oid = known?.oid ?? state.newOid();
  state.forgetDependencies(() => true, oid);
  const text = textIn(create.options);
  state.put({
    class: 'function',
    oid,
    schema,
    name,
    arguments: types,
    isVolatile: optionNamed(create.options, 'volatility') === undefined || isVolatile(create.options),
    words: text === undefined ? undefined : wordsIn(text),
  });
  for (const address of addressesIn(create.sql_body, state)) state.depend(whole(oid), address, 'normal');
  for (const type of types) state.depend(whole(oid), whole(type), 'normal');
}

function optionNamed(options: readonly Node[] | undefined, name: string): Node | undefined {
  const option = (options ?? []).find((node) => 'DefElem' in node && node.DefElem.defname === name);
  return option !== undefined && 'DefElem' in option ? option.DefElem.arg : undefined;
}

const isVolatile = (options: readonly Node[] | undefined): boolean =>
  nameParts(optionNamed(options, 'volatility')).at(-1) === 'volatile';

/** Of a library's function, the text names a symbol. */
const COMPILED: readonly (string | undefined)[] = ['c', 'internal'];

function textIn(options: readonly Node[] | undefined): string | undefined {
  const language = nameParts(optionNamed(options, 'language')).at(-1);
  return COMPILED.includes(language) ? undefined : nameParts(optionNamed(options, 'as'))[0];
}

export function alterFunction({ func, actions }: AlterFunctionStmt, state: ReplayedState): void {
  if (func === undefined || optionNamed(actions, 'volatility') === undefined) return;
  for (const found of functionMeant({ ObjectWithArgs: func }, state)) {
    state.put({ ...found, isVolatile: isVolatile(actions) });
  }
}

export function createSequence({ sequence, options }: CreateSeqStmt, state: ReplayedState): void {
  const temporary = sequence?.relpersistence === 't' ? 'pg_temp' : undefined;
  const { schema = temporary ?? state.currentSchema, name } = rangeName(sequence);
  if (state.withName('relation', { schema, name }).length > 0) return;
  const relation = newRelation(
    { schema, name, kind: 'sequence', isUnlogged: sequence?.relpersistence === 'u' },
    state,
  );
  state.put(relation);
  ownedBy(relation.oid, options, state);
}

export function alterSequence({ sequence, options }: AlterSeqStmt, state: ReplayedState): void {
  const relation = state.find('relation', rangeName(sequence));
  if (relation !== undefined) ownedBy(relation.oid, options, state);
}
