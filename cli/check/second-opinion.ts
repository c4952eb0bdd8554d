/** Seeks Squawk's opinion on migrations, and keeps of it what the facts do not refute and the rules have not said already. */
import { join } from 'node:path';
import type { LintFinding, Opinion } from '../../lambda/checks/lint';
import { isOpinion, opinionsOf, type Remark } from '../../lambda/checks/second-opinion';
import type { Migration } from '../../lambda/domain/migration';
import type { CommandContext } from '../command';
import { askSquawk } from './squawk';
import { OF_NO_INTEREST, weightOf } from './squawk-weights';

export interface SecondOpinion {
  readonly opinions: readonly Opinion[];
  /** Why there is none. */
  readonly silence: string | undefined;
}

export async function seekOpinion(
  { options, invocation, signal }: CommandContext,
  migrations: readonly Migration[],
  serverMajor: number | undefined,
): Promise<SecondOpinion> {
  const answer = await askSquawk({
    projectRoot: invocation.projectRoot,
    migrationsDir: join(options.prismaDir, 'migrations'),
    migrations: migrations.map(({ name }) => name),
    exclude: OF_NO_INTEREST,
    serverMajor,
    signal,
  });
  if (answer.outcome === 'silent') return { opinions: [], silence: answer.reason };
  const texts = new Map(migrations.map(({ name, sql }) => [name, sql]));
  const bySql = new Map<string, Remark[]>();
  for (const { migration, ...remark } of answer.remarks) {
    const sql = texts.get(migration) ?? '';
    bySql.set(sql, [...(bySql.get(sql) ?? []), remark]);
  }
  return { opinions: opinionsOf(bySql, weightOf), silence: undefined };
}

/** What a rule has said of the statement is not said again, allowed or not; of many statements, it is said once a migration. */
export function withoutRepetition(
  findings: readonly LintFinding[],
  allowed: readonly LintFinding[],
): readonly LintFinding[] {
  const placeOf = ({ migration, statement }: LintFinding): string => `${migration} ${statement}`;
  const said = new Set([...findings, ...allowed].filter(({ id }) => !isOpinion(id)).map(placeOf));
  const kept = findings.filter(
    (finding) => !isOpinion(finding.id) || finding.severity === 'info' || !said.has(placeOf(finding)),
  );
  const groups = new Map<string, LintFinding[]>();
  for (const finding of kept) {
    const key = isOpinion(finding.id)
      ? `${finding.migration} ${finding.id} ${finding.severity}`
      : `${groups.size}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return [];
    if (more.length === 0) return [first];
    const lines = more.map(({ line }) => line).join(', ');
    return [{ ...first, effect: `${first.effect} The same in line ${lines}.` }];
  });
}
