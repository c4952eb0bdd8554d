/** One batch of a backfill: its rows and the new cursor in one transaction, so that both are there or neither. */
import { type Session, StatementFailed } from '../../ports/database';
import type { Write } from '../../sql/backfill';
import { type Narrowed, narrowed } from '../../sql/backfill-splice';
import type { SqlStatement } from '../../sql/parse';
import { asOurselves, type FileRun } from '../file-run';
import { StatementObserver } from '../observe/statement-observer';
import { type JournalKey, recordFinished, recordProgress } from '../statement-journal';
import { type BackfillKey, highestKey, type KeyValues, keyAhead, keyCondition } from './backfill-key';
import { nextPass, type Walk, walkToJson } from './backfill-walk';

export interface Backfill {
  readonly index: number;
  readonly statement: SqlStatement;
  readonly write: Write;
  readonly key: BackfillKey;
  /** Added in a second pass; undefined where there is only one. */
  readonly repeat: string | undefined;
  /** Finds a row for a second pass to write, where one query can. */
  readonly leftOver: string | undefined;
  readonly texts: Map<string, Promise<Narrowed>>;
}

export interface BatchLimits {
  readonly rows: number;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export interface BatchDone {
  /** Undefined: the backfill is done, and journaled so. */
  readonly walk: Walk | undefined;
  readonly walked: number;
  readonly written: number;
  /** While its rows were locked. */
  readonly heldMs: number;
}

/** Fails with whatever Postgres said, its transaction still open. */
export async function runBatch(
  run: FileRun,
  journal: JournalKey,
  backfill: Backfill,
  { walk, limits }: { readonly walk: Walk; readonly limits: BatchLimits },
): Promise<BatchDone> {
  const session = await run.sessions.open();
  const reading = `SET LOCAL lock_timeout = ${limits.lockTimeoutMs}`;
  const isDone =
    walk.pass > 1 && walk.cursor === undefined && (await isNothingLeft(session, backfill, reading));
  const upTo = isDone ? undefined : (walk.upTo ?? (await highestKey(session, backfill.key, reading)));
  const from = { after: walk.cursor, rows: limits.rows };
  const ahead =
    upTo === undefined ? undefined : await keyAhead(session, backfill.key, { ...from, upTo }, reading);
  await session.query(`${upTo === undefined ? '' : 'COMMIT; '}${writingSettings(limits)}`);
  const startedAt = performance.now();
  const looking = { tookMs: 0 };
  const upper = ahead ?? upTo;
  const written = upper === undefined ? 0 : await writeRows(run, session, backfill, { walk, upper, looking });
  const isLast = ahead === undefined;
  const walked = isLast ? written : limits.rows;
  const after: Walk = {
    ...walk,
    cursor: upper,
    upTo,
    walked: walk.walked + walked,
    written: walk.written + written,
  };
  const next = isLast ? nextPass(after, backfill.repeat !== undefined) : after;
  const entry = { ordinal: backfill.index + 1, runId: run.request.runId };
  await asOurselves(session, run.script);
  if (next === undefined) await recordFinished(session, journal, entry);
  else await recordProgress(session, journal, entry, walkToJson(next));
  await session.query('COMMIT');
  return { walk: next, walked, written, heldMs: performance.now() - startedAt - looking.tookMs };
}

const writingSettings = ({ lockTimeoutMs, statementTimeoutMs }: BatchLimits): string =>
  [
    'BEGIN',
    `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
    `SET LOCAL statement_timeout = ${statementTimeoutMs}`,
    // By the key's index, whatever the statistics say: a plan that reads the whole table would do so once a batch.
    'SET LOCAL enable_seqscan = off',
  ].join('; ');

/** Longer, and the look itself would keep vacuum from its work. */
const LONGEST_LOOK_MS = 2_000;

/** One look at the whole table costs a tenth of a pass over it. Where it takes too long, the pass will tell. */
async function isNothingLeft(session: Session, { leftOver }: Backfill, limits: string): Promise<boolean> {
  if (leftOver === undefined) return false;
  try {
    await session.query(`BEGIN READ ONLY; ${limits}; SET LOCAL statement_timeout = ${LONGEST_LOOK_MS}`);
    const { rowCount } = await session.query(leftOver);
    await session.query('COMMIT');
    return rowCount === 0;
  } catch (error) {
    // Not only a timeout: looking, an expression may not write (`nextval`).
    if (!(error instanceof StatementFailed)) throw error;
    await session.query('ROLLBACK');
    return false;
  }
}

async function writeRows(
  run: FileRun,
  session: Session,
  backfill: Backfill,
  { walk, upper, looking }: { walk: Walk; upper: KeyValues; looking: { tookMs: number } },
): Promise<number> {
  const text = await batchText(backfill, walk);
  const isFirst = walk.pass === 1 && walk.cursor === undefined;
  const looked = (ms: number): void => {
    looking.tookMs += ms;
    run.log.looked(ms);
  };
  const isObserved = run.request.observeLocks === true && isFirst;
  const observer = isObserved ? await StatementObserver.begin(session, looked) : undefined;
  await observer?.before(backfill.statement);
  try {
    const { rowCount } = await session.query(text.sql, [...upper, ...(walk.cursor ?? [])]);
    if (observer) run.log.observed(backfill.index, await observer.after());
    return rowCount;
  } catch (error) {
    throw asWritten(error, text);
  }
}

function batchText(backfill: Backfill, { cursor, pass }: Walk): Promise<Narrowed> {
  const { key, write, statement, repeat, texts } = backfill;
  const name = `${cursor === undefined ? 'first' : 'next'} ${pass === 1 ? 'once' : 'again'}`;
  const known = texts.get(name);
  if (known !== undefined) return known;
  const { reference } = write;
  const count = key.columns.length;
  const parameters = (after: number): string[] => key.columns.map((_, index) => `$${after + index + 1}`);
  const condition = [
    ...(cursor === undefined
      ? []
      : [keyCondition(key, { reference, operator: '>', values: parameters(count) })]),
    keyCondition(key, { reference, operator: '<=', values: parameters(0) }),
    ...(pass > 1 && repeat !== undefined ? [repeat] : []),
  ].join(' AND ');
  const text = narrowed(statement, condition);
  texts.set(name, text);
  return text;
}

/** Positions that the server tells are those in the text that it was sent. */
function asWritten(error: unknown, text: Narrowed): unknown {
  if (!(error instanceof StatementFailed) || error.position === undefined) return error;
  const { message, sqlState, detail, hint } = error;
  const position = text.originalPosition(error.position);
  return new StatementFailed({ message, sqlState, detail, hint, position, cause: error });
}
