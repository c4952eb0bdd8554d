/** Writes names of database objects as SQL wants them, and as people like to read them. */
import type { Node } from './parse';

/** Always quoted: for SQL that Godwit composes. */
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/** A string constant that means the same under either setting of `standard_conforming_strings`. */
export const literal = (text: string): string => {
  const inQuotes = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${inQuotes}` : inQuotes;
};

const PLAIN = 'abcdefghijklmnopqrstuvwxyz0123456789_';

const isPlain = (identifier: string): boolean =>
  identifier !== '' &&
  [...identifier].every((character) => PLAIN.includes(character)) &&
  !'0123456789'.includes(identifier.charAt(0));

/** Quoted only where Postgres would fold it otherwise: for people. */
export const shown = (identifier: string): string => (isPlain(identifier) ? identifier : quoted(identifier));

export interface QualifiedName {
  readonly schema: string | undefined;
  readonly name: string;
}

export const quotedName = ({ schema, name }: QualifiedName): string =>
  schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;

export const shownName = ({ schema, name }: QualifiedName): string =>
  schema === undefined ? shown(name) : `${shown(schema)}.${shown(name)}`;

/** As people write it who keep everything in `public`. */
export const shownBriefly = ({ schema, name }: QualifiedName): string =>
  shownName({ schema: schema === 'public' ? undefined : schema, name });

export const rangeName = (range: { schemaname?: string; relname?: string } | undefined): QualifiedName => ({
  schema: range?.schemaname,
  name: range?.relname ?? '',
});

/** The parts of a dotted name, from whatever node the grammar wraps them in. */
export function nameParts(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if ('String' in node) return [node.String.sval ?? ''];
  if ('List' in node) return (node.List.items ?? []).flatMap(nameParts);
  if ('TypeName' in node) return (node.TypeName.names ?? []).flatMap(nameParts);
  if ('ObjectWithArgs' in node) return (node.ObjectWithArgs.objname ?? []).flatMap(nameParts);
  if ('RangeVar' in node) {
    const { schema, name } = rangeName(node.RangeVar);
    return schema === undefined ? [name] : [schema, name];
  }
  return [];
}

/** A catalog-qualified name keeps its last two parts: Postgres knows no other database within a session. */
export function qualifiedName(parts: readonly string[]): QualifiedName {
  return { schema: parts.at(-2), name: parts.at(-1) ?? '' };
}

export const shownParts = (parts: readonly string[]): string => parts.map(shown).join('.');
