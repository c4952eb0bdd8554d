/** Findings as SARIF 2.1.0, which code hosts and editors show beside the source. */
import type { LintFinding } from '../../lambda/checks/lint';
import { RULES, type Rule } from '../../lambda/checks/rules';
import type { Severity } from '../../lambda/domain/finding';
import { checksumOf } from '../../lambda/domain/migration';
import { type CheckReport, fileOf, inOrder } from './report';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

export function sarifFor(report: CheckReport, version: string): string {
  const results = [...inOrder(report), ...report.allowed];
  const ids = [...new Set(results.map(({ id }) => id))].sort();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Godwit', version, rules: ids.map(descriptorOf) } },
        columnKind: 'unicodeCodePoints',
        results: results.map((finding) => resultOf(report, finding, ids)),
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function descriptorOf(id: string) {
  const rule = RULES.find((one) => one.id === id);
  return rule === undefined ? { id } : ruleDescriptor(rule);
}

const ruleDescriptor = ({ id, title, severity, condition, effect, remedy, good }: Rule) => ({
  id,
  shortDescription: { text: title },
  fullDescription: { text: `${condition} ${effect}` },
  help: { text: `${remedy}\n\n${good.sql}` },
  defaultConfiguration: { level: LEVELS[severity] },
});

function resultOf(report: CheckReport, finding: LintFinding, ids: readonly string[]) {
  const { id, severity, subject, effect, lock, remedy, allowed } = finding;
  const said = [
    `${subject}: ${effect}`,
    ...(lock === undefined ? [] : [`Lock: ${lock}.`]),
    `Instead: ${remedy}`,
  ];
  return {
    ruleId: id,
    ruleIndex: ids.indexOf(id),
    level: LEVELS[severity],
    message: { text: said.join('\n') },
    locations: locationsOf(report, finding),
    // Stays the same while lines above it come and go.
    partialFingerprints: {
      'godwit/v1': checksumOf([id, finding.migration, finding.statement, subject].join('\n')),
    },
    ...(allowed === undefined ? {} : { suppressions: [{ kind: 'inSource', justification: allowed }] }),
  };
}

function locationsOf(report: CheckReport, finding: LintFinding) {
  const migration = fileOf(report, finding);
  if (migration === undefined) return [];
  const { line, column } = finding;
  const uri = migration.file.split('/').map(encodeURIComponent).join('/');
  const text = line === undefined ? undefined : migration.sql.split('\n')[line - 1];
  const region =
    line === undefined
      ? {}
      : {
          region: {
            startLine: line,
            ...(column === undefined ? {} : { startColumn: column }),
            ...(text === undefined ? {} : { snippet: { text } }),
          },
        };
  return [{ physicalLocation: { artifactLocation: { uri }, ...region } }];
}
