/** Findings for people: where in the source, what happens, whom it keeps waiting, and the way out. */
import type { LintFinding } from '../../lambda/checks/lint';
import type { Severity } from '../../lambda/domain/finding';
import { visible } from '../../lambda/report/visible';
import type { Line, Style } from '../terminal';
import { cutTo, widthOf } from '../terminal/width';
import { type CheckReport, fileOf, inOrder } from './report';

const STYLES: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', info: 'cyan' };

/** Of a source line as much is shown as most terminals hold. */
const LONGEST_LINE = 96;
const SHOWN_BEFORE = 40;

export function linesFor(report: CheckReport): readonly Line[] {
  const allowed = report.allowed.map(
    (finding): Line => [
      { text: 'allowed', style: 'dim' },
      ` ${finding.id} ${placeOf(report, finding)}: ${finding.allowed}`,
    ],
  );
  return [
    ...inOrder(report).flatMap((finding) => [...findingLines(report, finding), '']),
    ...(allowed.length === 0 ? [] : [...allowed, '']),
    [{ text: report.scope, style: 'dim' }],
  ];
}

function findingLines(report: CheckReport, finding: LintFinding): readonly Line[] {
  const style = STYLES[finding.severity];
  const head: Line = [
    { text: `${finding.severity}[${finding.id}]`, style },
    ' ',
    { text: placeOf(report, finding), style: 'bold' },
  ];
  // There may be many: what need not be done takes less room than what must.
  if (finding.severity === 'info') return [head, `  ${finding.subject}: ${finding.effect}`];
  return [
    head,
    ...sourceLines(report, finding, style),
    `  ${finding.subject}: ${finding.effect}`,
    ...(finding.lock === undefined ? [] : [`  Lock: ${finding.lock}.`]),
    [{ text: '  Instead: ', style: 'green' }, finding.remedy],
  ];
}

function placeOf(report: CheckReport, finding: LintFinding): string {
  const { line, column } = finding;
  const file = fileOf(report, finding)?.file ?? finding.migration ?? '';
  return [file, ...(line === undefined ? [] : [line]), ...(column === undefined ? [] : [column])].join(':');
}

function sourceLines(report: CheckReport, finding: LintFinding, style: Style): readonly Line[] {
  const { line, column = 1 } = finding;
  const source = fileOf(report, finding)?.sql.split('\n')[(line ?? 0) - 1];
  if (line === undefined || source === undefined) return [];
  const { text, before } = excerptOf(source.replace(/\r$/, ''), column);
  const number = String(line);
  const gutter = ' '.repeat(number.length);
  return [
    [{ text: `  ${number} │ `, style: 'dim' }, text],
    [{ text: `  ${gutter} │ `, style: 'dim' }, ' '.repeat(widthOf(before)), { text: '^', style }],
  ];
}

/** Columns count characters, the caret stands by the width of what is shown before it. */
function excerptOf(source: string, column: number): { readonly text: string; readonly before: string } {
  const characters = [...source];
  const cut = characters.length > LONGEST_LINE && column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
  const lead = cut === 0 ? '' : '…';
  const before = `${lead}${visible(characters.slice(cut, column - 1).join(''))}`;
  const rest = visible(characters.slice(column - 1).join(''));
  return { text: cutTo(`${before}${rest}`, LONGEST_LINE), before };
}
