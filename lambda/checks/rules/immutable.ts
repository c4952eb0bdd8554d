/** Tells which part of an expression gives another answer tomorrow or in another session. */
import type { Catalog } from '../../sql/catalog';
import { nameParts } from '../../sql/names';
import type { Node } from '../../sql/parse';
import { nodesOf } from './read';

/** `provolatile` of what came with the server is `s` or `v` for these, whatever their arguments; of those in use in schemas. */
export const EPHEMERAL: readonly string[] = [
  ...['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp', 'timeofday'],
  ...['random', 'gen_random_uuid', 'uuid_generate_v4', 'uuidv7', 'nextval', 'currval', 'lastval', 'setval'],
  ...['current_setting', 'current_database', 'current_schema', 'current_schemas', 'pg_backend_pid'],
  ...[
    'txid_current',
    'pg_current_xact_id',
    'version',
    'inet_client_addr',
    'to_char',
    'to_date',
    'to_timestamp',
  ],
  ...[
    'concat',
    'concat_ws',
    'format',
    'quote_literal',
    'json_build_object',
    'jsonb_build_object',
    'to_json',
    'to_jsonb',
  ],
];

const VALUE_FUNCTIONS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: 'CURRENT_DATE',
  SVFOP_CURRENT_TIME: 'CURRENT_TIME',
  SVFOP_CURRENT_TIMESTAMP: 'CURRENT_TIMESTAMP',
  SVFOP_LOCALTIME: 'LOCALTIME',
  SVFOP_LOCALTIMESTAMP: 'LOCALTIMESTAMP',
};

/** In words, `undefined` where nothing is known to change. */
export function isEphemeral(tree: unknown, catalog: Catalog): string | undefined {
  const [value] = nodesOf(tree, 'SQLValueFunction');
  if (value !== undefined) return VALUE_FUNCTIONS[String(value.op)] ?? 'the session’s user or schema';
  for (const call of nodesOf(tree, 'FuncCall')) {
    const name = ((call.funcname ?? []) as readonly Node[]).flatMap(nameParts).at(-1) ?? '';
    const own = catalog.functionsNamed({ schema: undefined, name }).filter(({ isBuiltIn }) => !isBuiltIn);
    const changes = own.length > 0 ? own.some(({ isVolatile }) => isVolatile) : EPHEMERAL.includes(name);
    if (changes) return `${name}()`;
  }
  return undefined;
}
