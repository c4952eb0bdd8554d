/** Findings as annotations of a GitHub workflow: one command a line, errors first, since GitHub shows ten of each kind. */
import type { LintFinding } from '../../lambda/checks/lint';
import type { Severity } from '../../lambda/domain/finding';
import { visibleLine } from '../../lambda/report/visible';
import { type CheckReport, fileOf, inOrder } from './report';

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

export function githubFor(report: CheckReport): string {
  const findings = inOrder(report);
  return (Object.keys(COMMANDS) as Severity[])
    .flatMap((severity) => findings.filter((finding) => finding.severity === severity))
    .map((finding) => `${annotation(report, finding)}\n`)
    .join('');
}

function annotation(report: CheckReport, finding: LintFinding): string {
  const { severity, id, line, column, lock } = finding;
  const properties = [
    ['file', fileOf(report, finding)?.file],
    ['line', line],
    ['col', column],
    ['title', `${id}: ${finding.subject}`],
  ] as const;
  const said = [
    finding.effect,
    ...(lock === undefined ? [] : [`Lock: ${lock}.`]),
    `Instead: ${finding.remedy}`,
  ];
  const parameters = properties.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${escapedProperty(visibleLine(String(value)))}`],
  );
  return `::${COMMANDS[severity]} ${parameters.join(',')}::${said.map(visibleLine).map(escaped).join('%0A')}`;
}

/** As the runner reads them back. */
const escaped = (text: string): string => text.replaceAll('%', '%25');

const escapedProperty = (text: string): string => escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
