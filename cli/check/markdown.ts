/** Findings as Markdown for a pull request: no text of a stranger becomes markup, a mention or a link. */
import type { LintFinding } from '../../lambda/checks/lint';
import { code, escapeMarkdown, folded, SIGNS } from '../../lambda/report/markdown';
import { visible } from '../../lambda/report/visible';
import { SEVERITY_WORDS } from '../../lambda/report/wording';
import { pluralText } from '../../lambda/report/words';
import { type CheckReport, fileOf, inOrder, totalsOf } from './report';

/** GitHub refuses comments of more than 65,536 characters. */
const LONGEST_COMMENT = 60_000;
const LONGEST_SOURCE_LINE = 200;

export function markdownFor(report: CheckReport): string {
  const worst = report.findings.some(({ severity }) => severity === 'error')
    ? 'bad'
    : report.findings.some(({ severity }) => severity === 'warning')
      ? 'caution'
      : 'good';
  const head = [`## ${SIGNS[worst]} Migration check: ${totalsOf(report)}`, escapeMarkdown(report.scope)];
  const tail = [allowances(report)].filter((part) => part !== '');
  const kept: string[] = [];
  let length = [...head, ...tail].join('').length;
  const all = inOrder(report).map((finding) => section(report, finding));
  for (const part of all) {
    length += part.length + 2;
    if (length > LONGEST_COMMENT) break;
    kept.push(part);
  }
  const leftOut = all.length - kept.length;
  const rest = leftOut === 0 ? [] : [`Too long for a comment: ${pluralText(leftOut, 'finding')} more.`];
  return `${[...head, ...kept, ...rest, ...tail].join('\n\n')}\n`;
}

function section(report: CheckReport, finding: LintFinding): string {
  const { text, tone } = SEVERITY_WORDS[finding.severity];
  const { file = finding.migration ?? '' } = fileOf(report, finding) ?? {};
  const place = finding.line === undefined ? file : `${file}:${finding.line}`;
  return [
    `### ${SIGNS[tone]} ${text}: ${code(finding.id)} at ${code(place)}`,
    ...sourceOf(report, finding),
    `${code(finding.subject)}: ${escapeMarkdown(finding.effect)}`,
    ...(finding.lock === undefined ? [] : [`**Lock:** ${escapeMarkdown(finding.lock)}.`]),
    `**Instead:** ${escapeMarkdown(finding.remedy)}`,
  ].join('\n\n');
}

/** In an indented block nothing is markup, and no fence within can end it. */
function sourceOf(report: CheckReport, finding: LintFinding): readonly string[] {
  const source = fileOf(report, finding)?.sql.split('\n')[(finding.line ?? 0) - 1];
  if (source === undefined || source.trim() === '') return [];
  const characters = [...visible(source.trim())];
  const shown = characters.slice(0, LONGEST_SOURCE_LINE).join('');
  return [`    ${shown}${characters.length > LONGEST_SOURCE_LINE ? '…' : ''}`];
}

const allowances = (report: CheckReport): string =>
  folded(
    `Allowed in the SQL (${report.allowed.length})`,
    report.allowed
      .map(
        (finding) =>
          `- ${code(finding.id)} at ${code(`${fileOf(report, finding)?.file}:${finding.line}`)}: ${escapeMarkdown(finding.allowed ?? '')}`,
      )
      .join('\n'),
  );
