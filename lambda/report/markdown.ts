/** The report as Markdown for a pull request: no text of a stranger becomes markup, a mention or a link. */
import type { Finding } from '../domain/finding';
import type { ReportData, ReportMigration, ReportStatement } from './data';
import { escapeHtml } from './html';
import { visibleLine } from './visible';
import {
  attemptsText,
  CHECKLIST_WORDS,
  durationOf,
  EFFECT_WORDS,
  INVARIANT_WORDS,
  keyFigures,
  PHASE_WORDS,
  RUNG_WORDS,
  SEVERITY_WORDS,
  STATUS_WORDS,
  type Tone,
  timeText,
} from './wording';
import { durationText, utcText } from './words';

const SIGNS: Readonly<Record<Tone, string>> = { good: '✅', bad: '❌', caution: '⚠️', calm: '▫️' };
const LONGEST_SQL = 120;

export function renderMarkdown(data: ReportData): string {
  const status = STATUS_WORDS[data.status];
  return [
    `## ${SIGNS[status.tone]} Migration ${status.text.toLowerCase()}: ${escapeMarkdown(data.database)}`,
    `**${status.meaning}** ${escapeMarkdown(data.reason)}`,
    list('What to do next', data.next.map(escapeMarkdown)),
    table(['', ''], [...figureRows(data), ...runRows(data)]),
    section(
      'Invariants',
      table(
        ['Invariant', 'Verdict', 'Before', 'After', 'Differences'],
        data.invariants.map((one) => [
          code(one.name),
          worded(INVARIANT_WORDS[one.verdict]),
          escapeMarkdown(one.before),
          escapeMarkdown(one.after),
          one.differences.map(escapeMarkdown).join('<br>'),
        ]),
      ),
    ),
    section(
      'Findings',
      table(['Severity', 'What', 'Where', 'Effect', 'Remedy'], data.findings.map(findingRow)),
    ),
    section(
      'Way back',
      table(
        ['Rung', '', 'Reason'],
        data.rollbackPlan.map((rung) => [
          RUNG_WORDS[rung.rung],
          rung.chosen ? '**chosen**' : '',
          escapeMarkdown(rung.reason),
        ]),
      ),
    ),
    section(
      'Checklist',
      table(
        ['Item', 'Verdict', 'Evidence'],
        data.checklist.map((item) => [
          escapeMarkdown(item.item),
          worded(CHECKLIST_WORDS[item.verdict]),
          escapeMarkdown(item.evidence),
        ]),
      ),
    ),
    folded(
      'Phases',
      table(
        ['Phase', 'Verdict', 'Time', ''],
        data.phases.map((phase) => [
          escapeMarkdown(phase.name),
          worded(PHASE_WORDS[phase.verdict]),
          timeText(phase.durationMs),
          escapeMarkdown(phase.message ?? ''),
        ]),
      ),
    ),
    ...data.migrations.map(migrationSection),
    folded(
      'Timeline',
      table(
        ['Time', 'Event'],
        data.timeline.map((entry) => [utcText(visibleLine(entry.at)), escapeMarkdown(entry.event)]),
      ),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

const MARKUP =
  /(?<punctuation>[\\`*_[\]|~$])|(?<html>[&<>]|:(?=\/\/)|(?<=www)\.)|(?<reference>[@#])|(?<listed>^(?:[-+=]|\d+(?=[.)])))/giu;

/** What Markdown and code hosts read as markup, a mention or a link becomes plain text. */
export const escapeMarkdown = (text: string): string =>
  visibleLine(text).replace(MARKUP, (found, ...rest) => {
    const kind = rest.at(-1) as Record<string, string | undefined>;
    if (kind.punctuation !== undefined) return `\\${found}`;
    if (kind.html !== undefined) return entity(found);
    // Mentions and issue numbers are looked for after rendering, where an entity would be the character again.
    return kind.reference !== undefined ? `${found}<!-- -->` : `<!-- -->${found}`;
  });

const entity = (character: string): string => `&#${character.charCodeAt(0)};`;

/** In a table a code span still ends at `|`, and a backtick cannot be escaped within: HTML's element has neither problem. */
export const code = (text: string): string => `<code>${escapeMarkdown(text)}</code>`;

/** Between HTML's block tags Markdown is not read: there a backslash would be seen. */
const codeInHtml = (text: string): string => `<code>${escapeHtml(visibleLine(text))}</code>`;

const worded = (word: { text: string; tone: Tone }): string => `${SIGNS[word.tone]} ${word.text}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const section = (title: string, body: string): string => (body === '' ? '' : `### ${title}\n\n${body}`);

const folded = (title: string, body: string): string =>
  body === '' ? '' : `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;

const list = (title: string, items: readonly string[]): string =>
  items.length === 0
    ? ''
    : `### ${title}\n\n${items.map((item, index) => `${index + 1}. ${item}`).join('\n')}`;

const figureRows = (data: ReportData): string[][] =>
  keyFigures(data).map((figure) => [figure.label, `**${figure.value}** (${figure.note})`]);

function runRows(data: ReportData): string[][] {
  const duration = durationOf(data);
  const { restorePoint } = data;
  return [
    ['Run', `${code(data.runId)} by ${escapeMarkdown(data.requestedBy)}`],
    [
      'Started',
      `${utcText(visibleLine(data.startedAt))}${duration === undefined ? '' : `, took ${durationText(duration)}`}`,
    ],
    ...(restorePoint
      ? [['Restore point', `${code(restorePoint.name)}, ${utcText(visibleLine(restorePoint.at))}`]]
      : []),
  ];
}

const findingRow = (finding: Finding): string[] => [
  worded(SEVERITY_WORDS[finding.severity]),
  `${code(finding.id)}<br>${escapeMarkdown(finding.subject)}`,
  placeOf(finding),
  escapeMarkdown(finding.effect),
  escapeMarkdown(finding.remedy),
];

const placeOf = ({ migration, line }: Finding): string =>
  migration === undefined ? '' : code(line === undefined ? migration : `${migration}:${line}`);

function migrationSection(migration: ReportMigration): string {
  const effect = EFFECT_WORDS[migration.effect];
  const body = table(
    ['Line', 'Statement', 'Rehearsed', 'Production', 'Attempts'],
    migration.statements.map(statementRow),
  );
  return folded(`${SIGNS[effect.tone]} ${codeInHtml(migration.name)}: ${effect.text}`, body);
}

const statementRow = (statement: ReportStatement): string[] => [
  String(statement.line),
  `${code(shortened(statement.sql))}${statement.rewrites ? ' (writes the table anew)' : ''}`,
  timeText(statement.rehearsedMs),
  timeText(statement.durationMs),
  attemptsText(statement.attempts),
];

function shortened(sql: string): string {
  const characters = Array.from(visibleLine(sql));
  return characters.length <= LONGEST_SQL
    ? characters.join('')
    : `${characters.slice(0, LONGEST_SQL).join('')}…`;
}
