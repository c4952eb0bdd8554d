/** Preflight: read-only checks that a migration may begin. Whatever it cannot tell, it does not let pass. */
import { checklist } from '../checks/checklist';
import { readDatabaseFacts } from '../checks/database-facts';
import { checkHistory, driftFinding } from '../checks/history';
import { lint } from '../checks/lint';
import { findingsForRun } from '../checks/lint-for-run';
import { checkLiveSessions, mayChangeTypes, type PendingStatement } from '../checks/live-sessions';
import { statementsIn } from '../checks/rules/hidden-code';
import { checkServer } from '../checks/server';
import { checkArchiving, checkCapacity } from '../checks/surroundings';
import { checkTransactions } from '../checks/transactions';
import { type Finding, hasErrors } from '../domain/finding';
import type { Migration, Project } from '../domain/migration';
import type { Policy } from '../domain/run';
import { readCatalog } from '../migrate/catalog/read-catalog';
import type { Database, Session } from '../ports/database';
import { DatabaseRefused, DatabaseUnreachable, withSession } from '../ports/database';
import type { HistoryDiagnosis } from '../ports/schema-engine';
import type { Catalog } from '../sql/catalog';
import { parseScript, SqlDirectiveError, type SqlStatement, SqlSyntaxError } from '../sql/parse';
import type { RunContext } from './context';
import { driftFrom } from './drift';
import { step } from './enter';
import { isContract } from './expand-contract';

const STATEMENT_TIMEOUT_MS = 30_000;

const READ_ONLY = {
  applicationName: 'godwit preflight',
  readOnly: true,
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
} as const;

export const preflight = step<'Preflight'>('Preflight', async (run) => {
  try {
    return await inspect(run);
  } catch (error) {
    if (error instanceof DatabaseUnreachable || error instanceof DatabaseRefused) {
      return { verdict: 'blocked', message: error.message, record: emptyRecord(unreachable(error)) };
    }
    throw error;
  }
});

async function inspect(run: RunContext) {
  run.tell('the server, its rights and its sessions');
  const server = await inspectServer(run.database, run.policy);
  if (hasErrors(server.findings)) return blocked(run, server.findings, server.databaseBytes, []);

  run.tell('the migration history');
  const { project } = run.request;
  const history = await run.engine.diagnose(run.database, project);
  const applied = appliedMigrations(project, history);
  const historyFindings = checkHistory(
    history,
    applied.map((migration) => migration.name),
    server.hasTables,
  );
  const pending = await choosePending(run, history);
  const findings: Finding[] = [...server.findings, ...historyFindings];

  if (history.hasLedger && !hasErrors(historyFindings)) {
    run.tell('drift between history and database');
    const drift = await driftFrom(run, applied);
    if (drift !== '') findings.push(driftFinding(drift, { hasPending: pending.length > 0 }));
  }
  if (pending.length > 0) {
    run.tell('archiving and disk');
    findings.push(...(await checkArchiving(run.recovery)));
    findings.push(...(await checkCapacity(run.capacity, server.databaseBytes)));
    findings.push(...rehearsalFindings(run));
    run.tell('what live sessions will notice');
    findings.push(...(await liveSessionFindings(run.database, pending)));
    // On a history that is not what the folder says it is, every statement would look wrong.
    if (!hasErrors(findings)) {
      run.tell('what the statements do');
      findings.push(...(await lintFindings(run.database, pending)));
    }
  }
  if (hasErrors(findings)) return blocked(run, findings, server.databaseBytes, pending);

  const record = recordOf(run, findings, server.databaseBytes, pending);
  return pending.length === 0
    ? {
        verdict: 'passed' as const,
        route: 'nothing-to-do',
        message: nothingPending(history),
        record,
      }
    : {
        verdict: 'passed' as const,
        route: 'go',
        message: `${countOf(pending.length, 'migration')} pending`,
        record,
      };
}

interface ServerInspection {
  readonly findings: readonly Finding[];
  readonly databaseBytes: number;
  readonly hasTables: boolean;
}

function inspectServer(database: Database, policy: Policy): Promise<ServerInspection> {
  return withSession(database, READ_ONLY, async (session) => ({
    findings: [
      ...(await checkServer(session)),
      ...(await checkTransactions(session, policy.oldTransactionMs)),
    ],
    ...(await sizeOf(session)),
  }));
}

async function sizeOf(session: Session): Promise<{ databaseBytes: number; hasTables: boolean }> {
  const { rows } = await session.query<{ bytes: string; has_tables: boolean }>(
    `select pg_database_size(current_database())::text as bytes,
            exists (select from pg_class where relkind in ('r', 'p') and relnamespace = (select oid from pg_namespace where nspname = current_schema())
                    and relname <> '_prisma_migrations') as has_tables`,
  );
  return { databaseBytes: Number(rows[0]?.bytes ?? 0), hasTables: rows[0]?.has_tables ?? false };
}

function appliedMigrations(project: Project, history: HistoryDiagnosis): readonly Migration[] {
  const notApplied = new Set([...history.pending, ...history.failed]);
  return history.hasLedger ? project.migrations.filter((migration) => !notApplied.has(migration.name)) : [];
}

/** The leading pending migrations that this run shall take: up to `until`, and of the wanted phase only. */
async function choosePending(run: RunContext, history: HistoryDiagnosis): Promise<readonly Migration[]> {
  const { policy } = run;
  const { project } = run.request;
  const pending = new Set(
    history.hasLedger ? history.pending : project.migrations.map((migration) => migration.name),
  );
  const last = project.migrations.findIndex((migration) => migration.name === policy.until);
  const wanted = policy.until === undefined ? project.migrations : project.migrations.slice(0, last + 1);
  const candidates = wanted.filter(({ name }) => pending.has(name));
  if (policy.phase === 'all') return candidates;
  const statements = await Promise.all(candidates.map(statementsOf));
  const catalog = await catalogFor(run.database, statements.flat());
  const chosen: Migration[] = [];
  for (const migration of candidates) {
    if ((await isContract(migration, catalog)) !== (policy.phase === 'contract')) break;
    chosen.push(migration);
  }
  return chosen;
}

const catalogFor = (database: Database, statements: readonly SqlStatement[]): Promise<Catalog> =>
  withSession(database, READ_ONLY, (session) => readCatalog(session, statements));

/** What the parser refuses, the rehearsal and the executor report, with its line. */
async function statementsOf({ sql }: Migration): Promise<readonly SqlStatement[]> {
  try {
    return (await parseScript(sql)).statements;
  } catch (error) {
    if (error instanceof SqlSyntaxError || error instanceof SqlDirectiveError) return [];
    throw error;
  }
}

async function liveSessionFindings(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly Finding[]> {
  const all = await Promise.all(
    migrations.map(async (migration) =>
      (await statementsOf(migration)).map(
        (statement, index): PendingStatement => ({ migration: migration.name, number: index + 1, statement }),
      ),
    ),
  );
  const changing = all.flat().filter(({ statement }) => mayChangeTypes(statement));
  if (changing.length === 0) return [];
  const catalog = await catalogFor(
    database,
    changing.map(({ statement }) => statement),
  );
  return checkLiveSessions(changing, catalog);
}

async function lintFindings(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly Finding[]> {
  const statements = await statementsIn(migrations);
  const [start, facts] = await withSession(database, READ_ONLY, async (session) => [
    await readCatalog(session, statements, 'checks'),
    await readDatabaseFacts(session),
  ]);
  return findingsForRun(await lint({ before: [], migrations, start, facts }));
}

function rehearsalFindings(run: RunContext): readonly Finding[] {
  if (!run.policy.rehearse || run.recovery) return [];
  return [
    {
      id: 'no-rehearsal',
      severity: 'error',
      subject: 'rehearsal',
      effect: 'this server belongs to somebody else: Godwit can make no clone of it to rehearse on',
      remedy:
        'Use --skip-rehearsal (or "godwit deploy") once the migration has been tried on a copy by your own means.',
    },
  ];
}

function blocked(
  run: RunContext,
  findings: readonly Finding[],
  databaseBytes: number,
  pending: readonly Migration[],
) {
  const errors = findings.filter((finding) => finding.severity === 'error');
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return {
    verdict: 'blocked' as const,
    message: first ? `${first.subject}: ${first.effect}. ${first.remedy}${more}` : 'refused',
    record: recordOf(run, findings, databaseBytes, pending),
  };
}

const recordOf = (
  run: RunContext,
  findings: readonly Finding[],
  databaseBytes: number,
  pending: readonly Migration[],
) => ({
  pending: pending.map((migration) => migration.name),
  findings,
  checklist: checklist({
    policy: run.policy,
    hasRecovery: run.recovery !== undefined,
    snapshot: undefined,
    rehearsal: undefined,
    pending: pending.map(({ name, downSql }) => ({ name, hasDownScript: downSql !== undefined })),
    now: run.clock.now(),
  }),
  databaseBytes,
});

const emptyRecord = (finding: Finding) => ({
  pending: [],
  findings: [finding],
  checklist: [],
  databaseBytes: 0,
});

const unreachable = (error: DatabaseUnreachable | DatabaseRefused): Finding => ({
  id: 'not-connectable',
  severity: 'error',
  subject: `${error.address.host}:${error.address.port}/${error.address.database}`,
  effect: error.message,
  remedy: 'Mend the connection and run again; nothing was changed.',
});

const nothingPending = (history: HistoryDiagnosis): string =>
  history.pending.length === 0
    ? 'every migration is applied'
    : `${countOf(history.pending.length, 'migration')} pending, none of the wanted phase next`;

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
