/** Takes passwords out of a statement's text before people see it: progress, journal and report. */
import type { SqlStatement } from './parse';

/** Kinds whose options may be passwords or connection strings. */
const MAY_HOLD_SECRETS: ReadonlySet<string> = new Set([
  'CreateRoleStmt',
  'AlterRoleStmt',
  'CreateUserMappingStmt',
  'AlterUserMappingStmt',
  'CreateForeignServerStmt',
  'AlterForeignServerStmt',
  'CreateSubscriptionStmt',
  'AlterSubscriptionStmt',
]);

/** Every string of such a statement goes, since which option is a secret differs between extensions. */
export function withoutSecrets({ kind, node, sql }: SqlStatement): string {
  if (!MAY_HOLD_SECRETS.has(kind)) return sql;
  let shown = sql;
  for (const text of stringsIn(node)) {
    const literal = `'${text.replaceAll("'", "''")}'`;
    // In another notation (E'', $$, U&'') it stands otherwise in the text than in the tree: then nothing is shown.
    if (!sql.includes(literal)) return `${kind} (not shown)`;
    shown = shown.replaceAll(literal, "'***'");
  }
  return shown;
}

/** Strings are told from names by their node: `{ String: { sval } }` is both, `DefElem.arg` holds constants. */
function stringsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'arg' && isStringNode(inner)) return [inner.String.sval];
    if (key === 'conninfo' && typeof inner === 'string') return [inner];
    return stringsIn(inner);
  });
}

function isStringNode(value: unknown): value is { String: { sval: string } } {
  const text = (value as { String?: { sval?: unknown } } | null)?.String?.sval;
  return typeof text === 'string';
}
