/** Lints SQL as a migration of its own, after one that prepares it. */
import { type LintFinding, type LintResult, lint } from '../../lambda/checks/lint';
import { checksumOf, type Migration } from '../../lambda/domain/migration';

export const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

export const lintAfter = (before: string | undefined, sql: string): Promise<LintResult> =>
  lint({
    before: before === undefined ? [] : [migration('20260101000000_before', before)],
    migrations: [migration('20260102000000_judged', sql)],
  });

/** What a person must look at. */
export const alarms = ({ findings }: LintResult): readonly string[] =>
  findings.filter(({ severity }) => severity !== 'info').map(wordsOf);

export const wordsOf = ({ severity, id, line, subject }: LintFinding): string =>
  `${severity} ${id}, line ${line}: ${subject}`;
