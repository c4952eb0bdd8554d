/** Tells from pg_stat_statements which statement of the application lately mentioned a table or a column. */
import type { ScanToken } from 'libpg-query';
import type { Session } from '../ports/database';
import { StatementFailed } from '../ports/database';
import type { CatalogName } from '../sql/catalog';
import { loadParser, withoutControlCharacters } from '../sql/parse';

export interface StatementUses {
  /** The statement that did so most often, in words; undefined where none did. */
  lastOf(relation: CatalogName, column?: string): string | undefined;
}

interface Use {
  readonly text: string;
  readonly calls: number;
}

/** In statements by which Godwit looks at a table: they are not the application's. */
export const OWN_MARK = '/* godwit */';

/** More distinct statements than it keeps by default. */
const MOST = 10_000;
const LONGEST_SHOWN = 100;

/** Undefined where the extension is not there, or may not be read: then nothing is known, and nothing must be concluded. */
export async function readUses(session: Session): Promise<StatementUses | undefined> {
  const { rows: found } = await session.query<{ view: string }>(
    `select quote_ident(n.nspname) || '.pg_stat_statements' as view
       from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'`,
  );
  const view = found[0]?.view;
  if (view === undefined) return undefined;
  try {
    const { rows } = await session.query<{ text: string; calls: string }>(
      `select query as text, sum(calls)::text as calls from ${view}
        where dbid = (select oid from pg_database where datname = current_database())
          and query is not null and position('${OWN_MARK}' in query) = 0
        group by query order by sum(calls) desc limit ${MOST}`,
    );
    return usesIn(rows.map(({ text, calls }) => ({ text, calls: Number(calls) })));
  } catch (error) {
    // Created, but not in shared_preload_libraries; or the role may not read it.
    if (error instanceof StatementFailed) return undefined;
    throw error;
  }
}

/** Scanned only where their text holds the name: of thousands of statements, few do. */
async function usesIn(uses: readonly Use[]): Promise<StatementUses> {
  const parser = await loadParser();
  const scanned = new Map<string, ReadonlySet<string>>();
  const namesIn = (text: string): ReadonlySet<string> => {
    const names = scanned.get(text) ?? namesOf(text, (sql) => parser.scanSync(sql).tokens);
    scanned.set(text, names);
    return names;
  };
  return {
    lastOf: ({ name }, column) => {
      const word = name.toLowerCase();
      const candidates = uses.filter(({ text }) => text.toLowerCase().includes(word));
      return shownUse(candidates.find(({ text }) => mentions(namesIn(text), name, column)));
    },
  };
}

const mentions = (names: ReadonlySet<string>, table: string, column: string | undefined): boolean =>
  names.has(table) && (column === undefined || names.has(column) || names.has(EVERY_COLUMN));

function shownUse(use: Use | undefined): string | undefined {
  if (use === undefined) return undefined;
  const words = use.text.split(/\s+/).join(' ').trim();
  const shown = words.length <= LONGEST_SHOWN ? words : `${words.slice(0, LONGEST_SHOWN)}…`;
  return `${shown} (${use.calls} ${use.calls === 1 ? 'call' : 'calls'})`;
}

/** The application's: what changes the schema is somebody's migration, and may hold a password. */
const BEGINNINGS = ['select', 'insert', 'update', 'delete', 'merge', 'with', 'values', 'table', '('];

/** Empty for what is no statement of the application. */
function namesOf(text: string, scan: (sql: string) => readonly ScanToken[]): ReadonlySet<string> {
  try {
    const names = scan(withoutControlCharacters(text)).filter(isNoComment).map(nameOf).filter(isNoCount);
    if (!BEGINNINGS.includes(names[0] ?? '')) return new Set();
    return new Set(fillsEveryColumn(names) ? [...names, EVERY_COLUMN] : names);
  } catch {
    // Cut off within a quote by track_activity_query_size: what it mentions cannot be told.
    return new Set();
  }
}

const EVERY_COLUMN = '*';

/** `count(*)` is about rows. */
const isNoCount = (name: string, index: number, names: readonly string[]): boolean =>
  name !== EVERY_COLUMN || names[index - 1] !== '(';

/** `INSERT INTO t VALUES …`, which names no column. */
const fillsEveryColumn = ([first, , , behind, , behindQualified]: readonly string[]): boolean =>
  first === 'insert' && (behind === '.' ? behindQualified : behind) !== '(';

const isNoComment = ({ tokenName }: ScanToken): boolean =>
  tokenName !== 'SQL_COMMENT' && tokenName !== 'C_COMMENT';

const nameOf = ({ text }: ScanToken): string =>
  text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
