/** Tells whether a migration both adds what the next release needs and takes away what the previous one uses. */
import { commandsOf } from './read';
import type { RuleContext } from './rule';

const NEW_THINGS: readonly string[] = ['CreateStmt', 'ViewStmt', 'CreateEnumStmt', 'CreateTableAsStmt'];

/** In words, for a statement that takes something away; `undefined` where the migration adds nothing. */
export function alsoExpands({ script }: Pick<RuleContext, 'script'>): string | undefined {
  const expanding = script.statements.find(
    ({ kind, node }) =>
      NEW_THINGS.includes(kind) || commandsOf(node).some(({ subtype }) => subtype === 'AT_AddColumn'),
  );
  if (expanding === undefined) return undefined;
  return `Line ${expanding.line} adds something for the next release: before that release the old one breaks, after it the new one waits for this. Part the two into an expanding and a contracting migration.`;
}
