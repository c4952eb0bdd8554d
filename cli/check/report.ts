/** What `check` found, with the files that it is about: every format renders this. */
import type { LintFinding } from '../../lambda/checks/lint';
import type { Finding, Severity } from '../../lambda/domain/finding';
import { pluralText } from '../../lambda/report/words';

export interface CheckedMigration {
  readonly name: string;
  /** Relative to the folder that the command runs in, with `/` between its parts. */
  readonly file: string;
  readonly sql: string;
}

export interface CheckReport {
  readonly findings: readonly LintFinding[];
  /** Suppressed in the SQL, each with its reason. */
  readonly allowed: readonly LintFinding[];
  readonly migrations: readonly CheckedMigration[];
  readonly statements: number;
  /** What was judged, and by what, in one sentence. */
  readonly scope: string;
}

export const FORMATS = ['tty', 'json', 'markdown', 'sarif', 'github'] as const;

export type Format = (typeof FORMATS)[number];

export type FailOn = 'error' | 'warning';

export const EXIT = { fine: 0, unreadable: 2, blocked: 3 } as const;

/** What Postgres's parser refuses is a fault of the migrations folder, as for every other command. */
const UNREADABLE: readonly string[] = ['syntax-error', 'directive-not-understood'];

export function exitCodeOf({ findings }: Pick<CheckReport, 'findings'>, failOn: FailOn): number {
  if (findings.some(({ id }) => UNREADABLE.includes(id))) return EXIT.unreadable;
  return findings.some(({ severity }) => severity === 'error' || severity === failOn)
    ? EXIT.blocked
    : EXIT.fine;
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

/** `2 errors, 1 warning in 3 migrations` */
export function totalsOf({ findings, allowed, migrations }: CheckReport): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [severity === 'info' ? `${count} to know` : pluralText(count, severity)];
  });
  const found = counts.length === 0 ? 'no findings' : counts.join(', ');
  const suppressed = allowed.length === 0 ? '' : `, ${allowed.length} allowed`;
  return `${found}${suppressed} in ${pluralText(migrations.length, 'migration')}`;
}

export const fileOf = (report: CheckReport, { migration }: Finding): CheckedMigration | undefined =>
  report.migrations.find(({ name }) => name === migration);

/** In the order of the migrations, and within each of its lines. */
export function inOrder(report: CheckReport): readonly LintFinding[] {
  const places = new Map(report.migrations.map(({ name }, index) => [name, index]));
  const placeOf = ({ migration }: Finding): number => places.get(migration ?? '') ?? -1;
  return report.findings.toSorted(
    (one, other) =>
      placeOf(one) - placeOf(other) ||
      (one.line ?? 0) - (other.line ?? 0) ||
      SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity),
  );
}
