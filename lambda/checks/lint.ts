/** Judges migrations statement by statement by every rule, against the catalog that their history, or a database, leaves before them. */
import type { Finding, Severity } from '../domain/finding';
import type { Migration } from '../domain/migration';
import type { Catalog } from '../sql/catalog';
import { effectsOf } from '../sql/effects/effects';
import { planOf } from '../sql/facts';
import type { ParsedScript, SqlStatement } from '../sql/parse';
import { ReplayedCatalog } from '../sql/replay/replayed-catalog';
import { type DatabaseFacts, type Fault, type Rule, type RuleContext, ruleOf, rulesOn } from './rules';
import { assumeTables } from './rules/assumed';
import { EMPTY_MIGRATION } from './rules/file';
import { hiddenIn } from './rules/hidden-code';
import { readScript, type Unreadable } from './rules/read-script';
import type { Judged } from './rules/rule';
import { lockWords, workWords } from './rules/words';
import { isOpinion } from './second-opinion';

export interface LintRequest {
  readonly before: readonly Migration[];
  readonly migrations: readonly Migration[];
  /** With a database: what its catalog has, instead of what `before` made. */
  readonly start?: Catalog;
  readonly facts?: DatabaseFacts;
  /** Beside the rules: what others say of the statements. */
  readonly opinions?: readonly Opinion[];
}

export type Opinion = Pick<Rule, 'id' | 'severity' | 'effect' | 'remedy' | 'weight' | 'find'>;

export interface LintFinding extends Finding {
  /** From 1, in characters of `line`. */
  readonly column?: number;
  /** `AccessExclusiveLock on "Wallet": blocks reads and writes` */
  readonly lock?: string;
  /** Reason of a `godwit:allow`. */
  readonly allowed?: string;
}

export interface LintResult {
  readonly findings: readonly LintFinding[];
  /** Suppressed in the SQL, each with its reason. */
  readonly allowed: readonly LintFinding[];
  readonly statements: number;
}

export async function lint({
  before,
  migrations,
  start,
  facts,
  opinions = [],
}: LintRequest): Promise<LintResult> {
  const replay = ReplayedCatalog.from(start);
  let hasMade = false;
  if (start === undefined) {
    for (const { sql } of before) {
      const { statements } = (await readScript(sql)).script;
      for (const statement of statements) replay.apply(statement);
      hasMade ||= makesTables(statements);
      replay.endMigration();
    }
  }
  const history: History = {
    replay,
    assumed: new Set(),
    isFromDatabase: start !== undefined,
    hasMade,
    facts,
    opinions,
  };
  const all: LintFinding[] = [];
  let statements = 0;
  for (const migration of migrations) {
    const { script, sql, unreadable } = await readScript(migration.sql);
    statements += script.statements.length;
    all.push(...unreadable.map((problem) => unreadableFinding(migration, problem)));
    if (script.statements.length === 0 && unreadable.length === 0) all.push(emptyFinding(migration));
    all.push(...(await judge({ ...migration, sql }, script, history)));
    all.push(...uselessAllowances(migration, script));
  }
  return {
    findings: all.filter(({ allowed }) => allowed === undefined),
    allowed: all.filter(({ allowed }) => allowed !== undefined),
    statements,
  };
}

const makesTables = (statements: readonly SqlStatement[]): boolean =>
  statements.some(({ kind }) => kind === 'CreateStmt');

interface History {
  readonly replay: ReplayedCatalog;
  readonly assumed: Set<number>;
  readonly isFromDatabase: boolean;
  /** Some migration has made a table: it is no collection of loose statements. */
  hasMade: boolean;
  readonly facts: DatabaseFacts | undefined;
  readonly opinions: readonly Opinion[];
}

async function judge(
  migration: Migration,
  script: ParsedScript,
  history: History,
): Promise<readonly LintFinding[]> {
  const { replay, assumed, isFromDatabase, facts, opinions } = history;
  const lastKnown = replay.lastOid;
  const shared = {
    script,
    sql: migration.sql,
    mode: planOf(script).mode,
    isNew: (oid: number) => oid > lastKnown && !assumed.has(oid),
    isAssumed: (oid: number) => assumed.has(oid),
    knowsAll: isFromDatabase || history.hasMade,
    facts,
  };
  const earlier: Judged[] = [];
  const findings: LintFinding[] = [];
  const judgeOne = async (
    statement: SqlStatement,
    index: number,
    rules: readonly Opinion[],
  ): Promise<void> => {
    const strays = await assumeTables(statement, replay, assumed);
    const { catalog } = replay;
    const effects = effectsOf(statement, catalog);
    const hidden = await hiddenIn(statement, script, migration.sql);
    const context: RuleContext = {
      ...shared,
      statement,
      effects,
      catalog,
      index,
      hidden,
      strays,
      earlier,
    };
    for (const rule of rules) {
      for (const fault of rule.find(context)) findings.push(findingOf(migration, context, rule, fault));
    }
    for (const inner of hidden.statements) {
      await judgeOne(inner, index, rulesOn(inner.kind).filter(isForHiddenCode));
    }
    earlier.push({ statement, effects });
    replay.apply(statement);
  };
  for (const [index, statement] of script.statements.entries()) {
    await judgeOne(statement, index, [...rulesOn(statement.kind), ...opinions]);
  }
  history.hasMade ||= makesTables(script.statements);
  replay.endMigration();
  return findings;
}

/** In a block a name may be a variable, and an IF or an EXCEPTION may have looked whether a thing is there. */
const ONLY_OUTSIDE: readonly string[] = ['lost-quotes', 'unknown-name', 'name-taken', 'query-in-migration'];

const isForHiddenCode = ({ id }: Rule): boolean => !ONLY_OUTSIDE.includes(id);

function findingOf(migration: Migration, context: RuleContext, rule: Opinion, fault: Fault): LintFinding {
  const { statement, index } = context;
  const place = placeOf(migration.sql, fault.offset ?? statement.offset);
  const work = rule.weight === 'work' ? workWords(context) : undefined;
  const severity: Severity = work?.isSmall === true ? 'info' : (fault.severity ?? rule.severity);
  const lock = lockWords(context);
  const allowed = allowanceFor(context, rule.id);
  return {
    id: rule.id,
    severity,
    migration: migration.name,
    statement: index + 1,
    ...place,
    subject: fault.subject,
    effect: [fault.effect ?? rule.effect, ...(work === undefined ? [] : [work.words])].join(' '),
    remedy: fault.remedy ?? rule.remedy,
    ...(lock === undefined ? {} : { lock }),
    ...(allowed === undefined ? {} : { allowed }),
  };
}

function placeOf(sql: string, offset: number): { readonly line: number; readonly column: number } {
  const before = sql.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}

const allowanceFor = ({ script, index }: RuleContext, id: string): string | undefined =>
  script.directives.find(
    (directive) =>
      directive.name === 'allow' &&
      directive.rule === id &&
      (directive.statement === undefined || directive.statement === index + 1),
  )?.reason;

const unreadableFinding = ({ name }: Migration, problem: Unreadable): LintFinding => ({
  severity: 'error',
  migration: name,
  ...problem,
});

const emptyFinding = ({ name }: Migration): LintFinding => {
  const { id, severity, effect, remedy } = EMPTY_MIGRATION;
  return { id, severity, migration: name, line: 1, column: 1, subject: 'the file', effect, remedy };
};

/** A misspelled rule would allow nothing, silently. */
const uselessAllowances = ({ name }: Migration, { directives }: ParsedScript): readonly LintFinding[] =>
  directives.flatMap((directive): LintFinding[] => {
    if (directive.name !== 'allow' || ruleOf(directive.rule) !== undefined) return [];
    if (isOpinion(directive.rule)) return [];
    return [
      {
        id: 'directive-not-understood',
        severity: 'error',
        migration: name,
        line: directive.line,
        column: 1,
        subject: directive.rule,
        effect: `\`godwit:allow ${directive.rule}\` names no rule, and so it allows nothing.`,
        remedy: 'Write the id that the finding shows.',
      },
    ];
  });
