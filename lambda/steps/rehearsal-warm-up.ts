/** Reads what the migrations will read, so that a clone's cold storage is not taken for their work; says what it could not. */
import type { Warmth } from '../domain/rehearsal';
import { readCatalog } from '../migrate/catalog/read-catalog';
import { type Database, type Session, StatementFailed, withSession } from '../ports/database';
import type { CatalogRelation } from '../sql/catalog';
import { type QualifiedName, quotedName, shownName } from '../sql/names';
import { parseScript } from '../sql/parse';
import { pendingMigrations, type RunContext } from './context';

const LONGEST_MS = 10 * 60_000;
/** Of a step's time: the migrations need theirs. */
const SHARE_OF_STEP = 0.25;

/** A restored volume of RDS fetches each block at its first touch; an index would spare the table, and so its blocks. */
const READ_TABLES = 'SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off';

const HAS_ROWS: readonly CatalogRelation['kind'][] = ['table', 'materialized view'];

export async function warmUp(run: RunContext, clone: Database): Promise<Warmth> {
  const scripts = await Promise.all(pendingMigrations(run).map(({ sql }) => parseScript(sql)));
  const untilMs = performance.now() + budgetMs(run);
  return withSession(clone, { applicationName: 'godwit rehearsal', readOnly: true }, async (session) => {
    const statements = scripts.flatMap((script) => script.statements);
    const { relations } = (await readCatalog(session, statements)).rows;
    const tables = relations.filter(({ kind }) => HAS_ROWS.includes(kind)).map(({ name }) => name);
    const unread: string[] = [];
    await session.query(READ_TABLES);
    for (const table of tables) {
      const leftMs = Math.floor(untilMs - performance.now());
      if (leftMs >= 1) run.tell(`reading ${shownName(table)}, so that its storage is warm`);
      if (leftMs < 1 || !(await isReadWithin(session, table, leftMs))) unread.push(shownName(table));
    }
    return { state: stateOf(tables.length, unread.length), unread };
  });
}

async function isReadWithin(session: Session, table: QualifiedName, leftMs: number): Promise<boolean> {
  try {
    await session.query(`SET statement_timeout = ${leftMs}`);
    await session.query(`SELECT pg_catalog.count(*) FROM ${quotedName(table)}`);
    return true;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return false;
  }
}

const budgetMs = ({ endsOverdueSteps, deadline, clock }: RunContext): number =>
  endsOverdueSteps ? Math.max(0, deadline.getTime() - clock.now().getTime()) * SHARE_OF_STEP : LONGEST_MS;

function stateOf(tables: number, unread: number): Warmth['state'] {
  if (unread === 0) return 'warm';
  return unread === tables ? 'cold' : 'partly';
}
