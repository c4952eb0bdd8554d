/** The report as one HTML page: no script, nothing from elsewhere, and a policy that keeps it so. */
import { createHash } from 'node:crypto';
import { alsoLost, notesOn, type TableLoss } from '../domain/data-loss';
import type { Finding } from '../domain/finding';
import type { ReportData, ReportMigration, ReportPhase, ReportStatement } from './data';
import { type Column, Html, html, NOTHING, tableOf } from './html';
import { measuresOf, shownBlockings, waiterText } from './measures';
import { foretold, plans, seen } from './rehearsal-page';
import { sparkDrawing } from './sparkline';
import { STYLE } from './style';
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
import { durationText, utcText } from './words';

/** The style is named by its hash: no other style, and no script at all, is accepted. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export function renderHtml(data: ReportData): string {
  const status = STATUS_WORDS[data.status];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(CONTENT_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${status.text}: ${data.runId}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<span class="tag status ${status.tone}">${status.text}</span>
<h1>Migration of ${data.database}</h1>
<p class="lead">${status.meaning} ${data.reason}</p>
</header>
<main>
${nextSteps(data)}
${figures(data)}
${facts(data)}
${section('Invariants', invariants(data))}
${section('Foretold for production', foretold(data))}
${section('Findings', findings(data))}
${section('Plans of watched queries', plans(data))}
${section('Who waited for the migration', blockings(data))}
${section('Way back', wayBack(data))}
${section('Written since the restore point', dataLoss(data))}
${section('Phases', phases(data.phases))}
${section('Migrations', html`${data.migrations.map(migration)}`)}
${section('As rehearsed', seen(data))}
${section('While it migrated', measures(data))}
${section('Checklist', checklist(data))}
${section('Timeline', timeline(data))}
</main>
<footer><p>Times are UTC. Rehearsed: on a clone of the restore point. Run ${data.runId}.</p></footer>
</body>
</html>
`.source;
}

const tag = (word: { text: string; tone: Tone }): Html =>
  html`<span class="tag ${word.tone}">${word.text}</span>`;
const code = (text: string): Html => html`<code>${text}</code>`;
const text = (words: string): Html => html`${words}`;

const section = (title: string, body: Html): Html =>
  body.source === '' ? NOTHING : html`<section><h2>${title}</h2>${body}</section>`;

const nextSteps = (data: ReportData): Html =>
  data.next.length === 0
    ? NOTHING
    : html`<section class="next"><h2>What to do next</h2><ol>${data.next.map((step) => html`<li>${step}</li>`)}</ol></section>`;

const figures = (data: ReportData): Html =>
  html`<dl class="figures">${keyFigures(data).map(
    (figure) =>
      html`<div class="figure"><dt>${figure.label}</dt><dd class="value ${figure.tone}">${figure.value}</dd><dd class="soft">${figure.note}</dd></div>`,
  )}</dl>`;

function facts(data: ReportData): Html {
  const duration = durationOf(data);
  const { restorePoint, application } = data;
  const rows: readonly (readonly [string, Html])[] = [
    ['Run', code(data.runId)],
    ['Requested by', text(data.requestedBy)],
    ['Started', text(utcText(data.startedAt))],
    ...(data.finishedAt === undefined
      ? []
      : [
          [
            'Finished',
            text(
              `${utcText(data.finishedAt)}${duration === undefined ? '' : `, after ${durationText(duration)}`}`,
            ),
          ] as const,
        ]),
    ...(restorePoint
      ? [
          [
            'Restore point',
            html`${code(restorePoint.name)}, ${utcText(restorePoint.at)}${restorePoint.lsn === undefined ? '' : `, WAL position ${restorePoint.lsn}`}`,
          ] as const,
        ]
      : []),
    ...(application
      ? [['Application', text(`99 % of its requests within ${durationText(application.p99Ms)}`)] as const]
      : []),
  ];
  return html`<dl class="facts">${rows.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`;
}

const invariants = (data: ReportData): Html =>
  tableOf(
    'Invariants before and after',
    [
      { title: 'Invariant', cell: (one) => text(one.name) },
      { title: 'Verdict', cell: (one) => tag(INVARIANT_WORDS[one.verdict]) },
      { title: 'Before', cell: (one) => text(one.before) },
      { title: 'After', cell: (one) => text(one.after) },
      {
        title: 'Differences',
        cell: (one) => html`${one.differences.map((line) => html`<div>${line}</div>`)}`,
      },
    ],
    data.invariants,
  );

const findings = (data: ReportData): Html =>
  tableOf<Finding>(
    'Findings',
    [
      {
        title: 'Finding',
        cell: (one) => html`${tag(SEVERITY_WORDS[one.severity])}<div>${code(one.id)}</div>`,
      },
      { title: 'Subject', cell: (one) => html`${one.subject}${placeOf(one)}` },
      { title: 'Effect', cell: (one) => text(one.effect) },
      { title: 'Remedy', cell: (one) => text(one.remedy) },
    ],
    bySeverity(data.findings),
  );

const placeOf = ({ migration, line }: Finding): Html =>
  migration === undefined
    ? NOTHING
    : html`<div class="soft">${code(line === undefined ? migration : `${migration}:${line}`)}</div>`;

const blockings = (data: ReportData): Html =>
  tableOf(
    'Sessions that waited for the migration',
    [
      { title: 'Waited', kind: 'number', cell: (one) => text(durationText(one.waitedMs)) },
      { title: 'Who', cell: (one) => text(waiterText(one)) },
      { title: 'For', cell: (one) => (one.relation === undefined ? text('–') : code(one.relation)) },
      {
        title: 'While the migration was at',
        kind: 'code',
        cell: (one) => (one.statement === undefined ? text('–') : code(one.statement)),
      },
    ],
    shownBlockings(data.watch?.blockings ?? []),
  );

const measures = (data: ReportData): Html =>
  tableOf(
    'What was measured of the server',
    [
      { title: 'Measured', cell: ({ title }) => text(title) },
      { title: 'At most', kind: 'number', cell: ({ peak }) => text(peak) },
      { title: 'Over time', cell: ({ title, course }) => sparkDrawing(`${title} over time`, course) },
    ],
    measuresOf(data.watch?.series ?? []),
  );

const wayBack = (data: ReportData): Html =>
  tableOf(
    'Ways back that were considered',
    [
      { title: 'Rung', cell: (rung) => text(RUNG_WORDS[rung.rung]) },
      {
        title: 'Decision',
        cell: (rung) =>
          rung.chosen ? tag({ text: 'chosen', tone: 'good' }) : html`<span class="soft">not chosen</span>`,
      },
      { title: 'Reason', cell: (rung) => text(rung.reason) },
    ],
    data.rollbackPlan,
  );

const dataLoss = ({ dataLoss: window }: ReportData): Html =>
  window === undefined
    ? NOTHING
    : html`${lostRows(window.tables ?? [])}${alsoLost(window).map((sentence) => html`<p class="soft">${sentence}.</p>`)}`;

const lostRows = (tables: readonly TableLoss[]): Html =>
  tableOf<TableLoss>(
    'Rows written since the restore point',
    [
      {
        title: 'Table',
        kind: 'code',
        cell: (loss) =>
          html`${code(loss.table)}${notesOn(loss).map((note) => html` <span class="soft">${note}</span>`)}`,
      },
      { title: 'New', kind: 'number', cell: ({ inserted }) => html`${inserted}` },
      { title: 'Changed', kind: 'number', cell: ({ updated }) => html`${updated}` },
      { title: 'Deleted', kind: 'number', cell: ({ deleted }) => html`${deleted}` },
      { title: 'While migrating', kind: 'number', cell: ({ whileMigrating }) => html`${whileMigrating}` },
    ],
    tables,
  );

function phases(all: readonly ReportPhase[]): Html {
  const longest = Math.max(1, ...all.map((phase) => phase.durationMs ?? 0));
  const columns: readonly Column<ReportPhase>[] = [
    { title: 'Phase', cell: (phase) => text(phase.name) },
    { title: 'Verdict', cell: (phase) => tag(PHASE_WORDS[phase.verdict]) },
    { title: 'Time', kind: 'number', cell: (phase) => text(timeText(phase.durationMs)) },
    {
      title: 'What happened',
      cell: (phase) => html`${phase.message ?? ''}${bar((phase.durationMs ?? 0) / longest)}`,
    },
  ];
  return tableOf('Phases of the run', columns, all);
}

/** SVG attributes, since the policy refuses style attributes. */
const bar = (share: number): Html =>
  html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect class="done" width="${Math.round(share * 1000) / 10}" height="4"/></svg>`;

const migration = (one: ReportMigration): Html => html`<section>
<h3>${code(one.name)} ${tag(EFFECT_WORDS[one.effect])}</h3>
<p class="soft">${one.hasDownScript ? 'With a down script.' : 'Without a down script: undone only by a restore.'}</p>
${statements(one)}
</section>`;

const statements = (one: ReportMigration): Html =>
  tableOf<ReportStatement>(
    `Statements of ${one.name}`,
    [
      { title: 'Line', kind: 'number', cell: (statement) => html`${statement.line}` },
      {
        title: 'Statement',
        kind: 'code',
        cell: (statement) =>
          html`${code(statement.sql)}${statement.rewrites ? html` ${tag({ text: 'writes the table anew', tone: 'caution' })}` : NOTHING}`,
      },
      { title: 'Rehearsed', kind: 'number', cell: (statement) => text(timeText(statement.rehearsedMs)) },
      { title: 'Production', kind: 'number', cell: (statement) => text(timeText(statement.durationMs)) },
      { title: 'Attempts', kind: 'number', cell: (statement) => text(attemptsText(statement.attempts)) },
    ],
    one.statements,
  );

const checklist = (data: ReportData): Html =>
  tableOf(
    'Checklist',
    [
      { title: 'Item', cell: (item) => text(item.item) },
      { title: 'Verdict', cell: (item) => tag(CHECKLIST_WORDS[item.verdict]) },
      { title: 'Evidence', cell: (item) => text(item.evidence) },
    ],
    data.checklist,
  );

const timeline = (data: ReportData): Html =>
  tableOf(
    'Timeline',
    [
      { title: 'Time', cell: (entry) => html`<span class="number">${utcText(entry.at)}</span>` },
      { title: 'Event', cell: (entry) => text(entry.event) },
    ],
    data.timeline,
  );
