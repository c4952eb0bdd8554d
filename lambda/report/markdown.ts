/** The report as Markdown for a pull request: no text of a stranger becomes markup, a mention or a link. */
import { alsoLost, notesOn, type TableLoss } from '../domain/data-loss';
import type { Finding } from '../domain/finding';
import type { ReportData, ReportMigration, ReportStatement } from './data';
import { escapeHtml } from './html';
import { measuresOf, shownBlockings, waiterText } from './measures';
import { basisOf, costText, foretoldRows, PLAN_WORDS, seenRows } from './rehearsal';
import { sparkText } from './sparkline';
import { visibleLine } from './visible';
import {
  attemptsText,
  bySeverity,
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
import { durationText, pluralText, utcText } from './words';

export const SIGNS: Readonly<Record<Tone, string>> = { good: '✅', bad: '❌', caution: '⚠️', calm: '▫️' };
const LONGEST_SQL = 120;

/** GitHub refuses comments of more than 65,536 characters. */
const LONGEST_COMMENT = 60_000;

export function renderMarkdown(data: ReportData): string {
  const kept: string[] = [];
  let length = 0;
  let leftOut = 0;
  // In order of importance: whatever no longer fits is left out whole, never cut within its markup.
  for (const part of partsOf(data).filter((one) => one !== '')) {
    const fits = length + part.length <= LONGEST_COMMENT;
    if (fits) kept.push(part);
    else leftOut += 1;
    length += fits ? part.length + 2 : 0;
  }
  if (leftOut > 0)
    kept.push(`Too long for a comment: ${pluralText(leftOut, 'section')} more in the HTML report.`);
  return `${kept.join('\n\n')}\n`;
}

function partsOf(data: ReportData): string[] {
  const status = STATUS_WORDS[data.status];
  return [
    `## ${SIGNS[status.tone]} Migration ${status.text.toLowerCase()}: ${escapeMarkdown(data.database)}`,
    `**${status.meaning}** ${escapeMarkdown(data.reason)}`,
    list('What to do next', data.next.map(escapeMarkdown)),
    table(['', ''], [...figureRows(data), ...runRows(data)]),
    section('Invariants', invariants(data)),
    section('Foretold for production', foretold(data)),
    section('Findings', findings(data)),
    section('Plans of watched queries', plans(data)),
    section('Who waited for the migration', blockings(data)),
    section('Way back', wayBack(data)),
    section('Written since the restore point', dataLoss(data)),
    section('Checklist', checklist(data)),
    folded('Phases', phases(data)),
    folded('While it migrated', measures(data)),
    ...data.migrations.map(migrationSection),
    folded('As rehearsed', seen(data)),
    folded('Timeline', timeline(data)),
  ];
}

const invariants = (data: ReportData): string =>
  table(
    ['Invariant', 'Verdict', 'Before', 'After', 'Differences'],
    data.invariants.map((one) => [
      escapeMarkdown(one.name),
      worded(INVARIANT_WORDS[one.verdict]),
      escapeMarkdown(one.before),
      escapeMarkdown(one.after),
      one.differences.map(escapeMarkdown).join('<br>'),
    ]),
  );

const findings = (data: ReportData): string =>
  table(['Severity', 'What', 'Where', 'Effect', 'Remedy'], bySeverity(data.findings).map(findingRow));

const foretold = (data: ReportData): string =>
  data.estimate === undefined
    ? ''
    : [
        table(
          ['', 'Likely', 'Range', 'In production'],
          foretoldRows(data).map(({ what, likely, range, measured }) => [what, likely, range, measured]),
        ),
        basisOf(data).map(escapeMarkdown).join(' '),
      ].join('\n\n');

const plans = (data: ReportData): string =>
  table(
    ['Query', 'Plan', 'Cost before', 'Cost after', 'Why'],
    (data.plans ?? []).map(({ file, verdict, costBefore, costAfter, reason }) => [
      code(file),
      worded(PLAN_WORDS[verdict]),
      costText(costBefore),
      costText(costAfter),
      escapeMarkdown(reason),
    ]),
  );

const seen = (data: ReportData): string =>
  table(
    ['Statement', 'Locks', 'WAL', 'Disk'],
    seenRows(data).map(({ migration, line, locks, wal, grown }) => [
      code(`${migration}:${line}`),
      locks.map(escapeMarkdown).join('<br>'),
      wal,
      grown,
    ]),
  );

const blockings = (data: ReportData): string =>
  table(
    ['Waited', 'Who', 'For', 'While the migration was at'],
    shownBlockings(data.watch?.blockings ?? []).map((one) => [
      durationText(one.waitedMs),
      escapeMarkdown(waiterText(one)),
      one.relation === undefined ? '–' : code(one.relation),
      one.statement === undefined ? '–' : code(shortened(one.statement)),
    ]),
  );

const measures = (data: ReportData): string =>
  table(
    ['Measured', 'At most', 'Over time'],
    measuresOf(data.watch?.series ?? []).map(({ title, peak, course }) => [title, peak, sparkText(course)]),
  );

const wayBack = (data: ReportData): string =>
  table(
    ['Rung', '', 'Reason'],
    data.rollbackPlan.map((rung) => [
      RUNG_WORDS[rung.rung],
      rung.chosen ? '**chosen**' : '',
      escapeMarkdown(rung.reason),
    ]),
  );

const dataLoss = ({ dataLoss: window }: ReportData): string =>
  window === undefined
    ? ''
    : [lostRows(window.tables ?? []), ...alsoLost(window).map((sentence) => `${escapeMarkdown(sentence)}.`)]
        .filter((part) => part !== '')
        .join('\n\n');

const lostRows = (tables: readonly TableLoss[]): string =>
  table(
    ['Table', 'New', 'Changed', 'Deleted', 'While migrating'],
    tables.map((loss) => [
      [code(loss.table), ...notesOn(loss).map(escapeMarkdown)].join(', '),
      String(loss.inserted),
      String(loss.updated),
      String(loss.deleted),
      String(loss.whileMigrating),
    ]),
  );

const checklist = (data: ReportData): string =>
  table(
    ['Item', 'Verdict', 'Evidence'],
    data.checklist.map((item) => [
      escapeMarkdown(item.item),
      worded(CHECKLIST_WORDS[item.verdict]),
      escapeMarkdown(item.evidence),
    ]),
  );

const phases = (data: ReportData): string =>
  table(
    ['Phase', 'Verdict', 'Time', ''],
    data.phases.map((phase) => [
      escapeMarkdown(phase.name),
      worded(PHASE_WORDS[phase.verdict]),
      timeText(phase.durationMs),
      escapeMarkdown(phase.message ?? ''),
    ]),
  );

const timeline = (data: ReportData): string =>
  table(
    ['Time', 'Event'],
    data.timeline.map((entry) => [timeOf(entry.at), escapeMarkdown(entry.event)]),
  );

const MARKUP =
  /(?<punctuation>[\\`*[\]|~$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}]))|(?<html>[&<>]|:(?=\/\/)|(?<=www)\.)|(?<reference>[@#])|(?<listed>^(?:[-+=]|\d+(?=[.)])))/giu;

/** What Markdown and code hosts read as markup, a mention or a link becomes plain text. */
export const escapeMarkdown = (text: string): string =>
  visibleLine(text).replace(MARKUP, (found, ...rest) => {
    const kind = rest.at(-1) as Record<string, string | undefined>;
    if (kind.punctuation !== undefined) return `\\${found}`;
    if (kind.html !== undefined) return entity(found);
    // Mentions and issue numbers are looked for after rendering, where an entity would be the character again.
    return kind.reference !== undefined ? `${found}<!-- -->` : `<!-- -->${found}`;
  });

const timeOf = (iso: string): string => escapeMarkdown(utcText(iso));

const entity = (character: string): string => `&#${character.charCodeAt(0)};`;

/** In a table a code span still ends at `|`, and a backtick cannot be escaped within: HTML's element has neither problem. */
export const code = (text: string): string => `<code>${escapeMarkdown(text)}</code>`;

/** Between HTML's block tags Markdown is not read: there a backslash would be seen. */
const codeInHtml = (text: string): string => `<code>${escapeHtml(visibleLine(text))}</code>`;

const worded = (word: { text: string; tone: Tone }): string => `${SIGNS[word.tone]} ${word.text}`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export const section = (title: string, body: string): string =>
  body === '' ? '' : `### ${title}\n\n${body}`;

export const folded = (title: string, body: string): string =>
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
      `${timeOf(data.startedAt)}${duration === undefined ? '' : `, took ${durationText(duration)}`}`,
    ],
    ...(restorePoint ? [['Restore point', `${code(restorePoint.name)}, ${timeOf(restorePoint.at)}`]] : []),
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
