/** Triggers that keep a column and its successor in step, whichever of the two is written. */
import type { CatalogRelation } from '../catalog';
import { literal, quoted, quotedName } from '../names';
import type { Situation } from './draft';

export interface Pair {
  /** The table, as the migration writes it. */
  readonly on: string;
  readonly table: CatalogRelation;
  readonly old: string;
  readonly successor: string;
}

export interface Trigger {
  /** Ready for SQL. */
  readonly name: string;
  readonly function: string;
}

export function triggerFor({ table, old }: Pair, { names, catalog }: Situation): Trigger {
  const name = names.free(`${table.name.name}_${old}`, '_in_step', catalog);
  const place =
    table.name.schema === 'public' ? { schema: undefined, name } : { schema: table.name.schema, name };
  return { name: quoted(name), function: quotedName(place) };
}

export const createTrigger = ({ on }: Pair, trigger: Trigger): string =>
  `CREATE TRIGGER ${trigger.name} BEFORE INSERT OR UPDATE ON ${on} FOR EACH ROW EXECUTE FUNCTION ${trigger.function}()`;

export const removeTrigger = ({ on }: Pair, trigger: Trigger): readonly string[] => [
  `DROP TRIGGER ${trigger.name} ON ${on}`,
  `DROP FUNCTION ${trigger.function}()`,
];

/** Both names of one value: the one that a release knows and writes decides. */
export function createBothWays({ old, successor }: Pair, trigger: Trigger): string {
  const [was, is] = [quoted(old), quoted(successor)];
  return createFunction(trigger, [
    `IF TG_OP = 'INSERT' THEN`,
    `  IF NEW.${is} IS NULL THEN NEW.${is} := NEW.${was}; ELSE NEW.${was} := NEW.${is}; END IF;`,
    // As text: not every type can be compared.
    `ELSIF NEW.${is}::text IS DISTINCT FROM OLD.${is}::text THEN NEW.${was} := NEW.${is};`,
    `ELSE NEW.${is} := NEW.${was};`,
    `END IF;`,
  ]);
}

/** The successor follows; `value` is an expression on the row, as USING has it. */
export function createForward(
  { table, old, successor }: Pair,
  trigger: Trigger,
  value: string | undefined,
): string {
  const is = `NEW.${quoted(successor)}`;
  const assigned =
    value === undefined
      ? `NEW.${quoted(old)}`
      : `(SELECT ${value} FROM (SELECT NEW.*) AS ${quoted(table.name.name)})`;
  return createFunction(trigger, [`${is} := ${assigned};`]);
}

/** The former column follows as long as it can hold what is written; it is read by nobody, and kept for the way back. */
export function createBackward({ old, successor }: Pair, trigger: Trigger): string {
  return createFunction(trigger, [
    `NEW.${quoted(old)} := NEW.${quoted(successor)};`,
    'EXCEPTION WHEN data_exception THEN',
    `  NEW.${quoted(old)} := NULL;`,
  ]);
}

function createFunction({ function: name }: Trigger, body: readonly string[]): string {
  const isHandled = body.some((line) => line.startsWith('EXCEPTION'));
  const lines = isHandled
    ? ['BEGIN', ...['BEGIN', ...body, 'END;'].map((line) => `  ${line}`), '  RETURN NEW;', 'END']
    : ['BEGIN', ...body.map((line) => `  ${line}`), '  RETURN NEW;', 'END'];
  const text = lines.join('\n');
  const quotedBody = text.includes('$$') ? literal(`\n${text}\n`) : `$$\n${text}\n$$`;
  return `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS ${quotedBody}`;
}
