/** A drill's report for people: the same facts as Markdown and as one HTML page. */
import type {
  DrillCheck,
  DrilledTable,
  DrillOutcome,
  DrillPhase,
  DrillRecord,
  ProofSource,
} from '../domain/drill';
import { judge, phasesOf } from '../domain/drill';
import type { RenderedReport } from './data';
import { Html, html, NOTHING, tableOf } from './html';
import { code, escapeMarkdown, folded, SIGNS, section, table } from './markdown';
import { CONTENT_POLICY } from './page';
import { STYLE } from './style';
import type { Tone } from './wording';
import { countText, durationText, pluralText, utcText } from './words';

interface Word {
  readonly text: string;
  readonly tone: Tone;
}

const OUTCOMES: Readonly<Record<DrillOutcome, Word & { readonly meaning: string }>> = {
  passed: {
    text: 'Passed',
    tone: 'good',
    meaning:
      'The database can be brought back from its restore point, proven row by row, within the targets.',
  },
  'too-slow': {
    text: 'Targets missed',
    tone: 'caution',
    meaning: 'What was recovered is proven, but the recovery is not within its targets.',
  },
  'not-proven': {
    text: 'Not proven',
    tone: 'bad',
    meaning: 'A restore now would not provably bring back what the restore point held.',
  },
  failed: { text: 'Failed', tone: 'bad', meaning: 'The recovery did not come to its end.' },
  aborted: { text: 'Stopped', tone: 'calm', meaning: 'It says nothing of the recovery.' },
};

const CHECKS: Readonly<Record<DrillCheck['verdict'], Word>> = {
  held: { text: 'held', tone: 'good' },
  broken: { text: 'broken', tone: 'bad' },
  indeterminate: { text: 'could not tell', tone: 'bad' },
  'not-made': { text: 'not looked at', tone: 'caution' },
};

export const DRILL_PHASES: Readonly<Record<DrillPhase, string>> = {
  begin: 'Begin',
  copy: 'Copy the base backup',
  replay: 'Replay WAL and promote',
  restore: 'Restore',
  open: 'Open',
  prove: 'Prove',
};

const SOURCES: Readonly<Record<ProofSource, string>> = {
  serving: 'what the serving database held at the restore point',
  instance: "what the rehearsal's instance, recovered to the restore point before, held",
  drill: 'what an earlier drill recovered from the restore point, which is no record of its own',
  none: 'nothing: nobody had recorded what the restore point holds',
};

const MOST_DETAILS = 20;

export function renderDrill(record: DrillRecord): RenderedReport {
  return { markdown: markdownOf(record), html: htmlOf(record) };
}

/** What both say, as label and value. */
function facts(record: DrillRecord): readonly (readonly [string, string])[] {
  const { restorePoint, comparedWith, lost } = record;
  return [
    ['Drill', record.drillId],
    ['Started', utcText(record.startedAt)],
    ...(restorePoint
      ? ([
          [
            'Restore point',
            `${restorePoint.name}, of ${utcText(restorePoint.at)}${restorePoint.takenByDrill ? '; there was none before the drill, which took it' : ''}`,
          ],
        ] as const)
      : []),
    ...(record.rpo
      ? ([['Restorable', `up to ${utcText(record.rpo.restorableUntil)} when the drill began`]] as const)
      : []),
    ...(comparedWith ? ([['Compared with', SOURCES[comparedWith]]] as const) : []),
    ...(lost
      ? ([['Not recovered', `commits from ${utcText(lost.from)} to ${utcText(lost.to)}`]] as const)
      : []),
    [
      'Throw-away instance',
      record.isDiscarded ? 'discarded' : 'not discarded: look for it, and discard it by hand',
    ],
  ];
}

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone: Tone;
}

function figures(record: DrillRecord): readonly Figure[] {
  const { rpoMs, rtoMs, verified } = judge(record);
  const { targets, tables } = record;
  const measured = (label: string, value: number | undefined, target: number, what: string): Figure => ({
    label,
    value: value === undefined ? 'unknown' : durationText(value),
    note: `${what}; target: ${durationText(target)}`,
    tone: value === undefined ? 'bad' : value <= target ? 'good' : 'caution',
  });
  return [
    measured('RPO', rpoMs, targets.rpoMs, 'writes that would be lost'),
    measured('RTO', rtoMs, targets.rtoMs, 'until proven, without the cut-over'),
    {
      label: 'Proven',
      value: verified ? 'yes' : 'no',
      note: `${pluralText(
        tables.reduce((sum, { rows }) => sum + rows, 0),
        'row',
      )} of ${pluralText(tables.length, 'table')} read`,
      tone: verified ? 'good' : 'bad',
    },
  ];
}

const shown = (details: readonly string[]): readonly string[] =>
  details.length <= MOST_DETAILS
    ? details
    : [...details.slice(0, MOST_DETAILS), `and ${details.length - MOST_DETAILS} more`];

const shareText = ({ sampled }: DrilledTable): string =>
  sampled === undefined ? 'all' : `a sample of ${(sampled * 100).toFixed(2)} %`;

function markdownOf(record: DrillRecord): string {
  const { outcome, reasons } = judge(record);
  const { text, tone, meaning } = OUTCOMES[outcome];
  const cells = (texts: readonly string[]): string[] => texts.map(escapeMarkdown);
  return `${[
    `## ${SIGNS[tone]} Restore drill ${text.toLowerCase()}: ${escapeMarkdown(record.database)}`,
    `**${meaning}**${reasons.map((reason) => ` ${escapeMarkdown(reason)}.`).join('')}`,
    table(
      ['', ''],
      [
        ...figures(record).map(({ label, value, note }) => [label, `**${value}** (${note})`]),
        ...facts(record).map(cells),
      ],
    ),
    section(
      'Proof',
      table(
        ['Check', 'Verdict', 'Looked at', 'What is wrong'],
        record.checks.map(({ name, verdict, evidence, details }) => [
          name,
          `${SIGNS[CHECKS[verdict].tone]} ${CHECKS[verdict].text}`,
          escapeMarkdown(evidence),
          shown(details).map(escapeMarkdown).join('<br>'),
        ]),
      ),
    ),
    section(
      'Recovery time',
      table(
        ['Phase', 'Time'],
        phasesOf(record.marks).map(({ phase, durationMs }) => [
          DRILL_PHASES[phase],
          durationText(durationMs),
        ]),
      ),
    ),
    folded(
      'Tables',
      table(
        ['Table', 'Rows read', ''],
        record.tables.map((one) => [code(one.name), countText(one.rows), shareText(one)]),
      ),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

const tag = ({ text, tone }: Word): Html => html`<span class="tag ${tone}">${text}</span>`;

const titled = (title: string, body: Html): Html =>
  body.source === '' ? NOTHING : html`<section><h2>${title}</h2>${body}</section>`;

function htmlOf(record: DrillRecord): string {
  const { outcome, reasons } = judge(record);
  const word = OUTCOMES[outcome];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(CONTENT_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Restore drill ${word.text}: ${record.drillId}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<span class="tag status ${word.tone}">${word.text}</span>
<h1>Restore drill of ${record.database}</h1>
<p class="lead">${word.meaning}${reasons.map((reason) => html` ${reason}.`)}</p>
</header>
<main>
<dl class="figures">${figures(record).map(
    ({ label, value, note, tone }) =>
      html`<div class="figure"><dt>${label}</dt><dd class="value ${tone}">${value}</dd><dd class="soft">${note}</dd></div>`,
  )}</dl>
<dl class="facts">${facts(record).map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
${titled('Proof', proofTable(record))}
${titled('Recovery time', phaseTable(record))}
${titled('Tables', tablesTable(record))}
</main>
<footer><p>Times are UTC. The serving database was read only. Drill ${record.drillId}.</p></footer>
</body>
</html>
`.source;
}

const proofTable = ({ checks }: DrillRecord): Html =>
  tableOf<DrillCheck>(
    'What was proven of the recovered instance',
    [
      { title: 'Check', cell: ({ name }) => html`${name}` },
      { title: 'Verdict', cell: ({ verdict }) => tag(CHECKS[verdict]) },
      { title: 'Looked at', cell: ({ evidence }) => html`${evidence}` },
      {
        title: 'What is wrong',
        cell: ({ details }) => html`${shown(details).map((line) => html`<div>${line}</div>`)}`,
      },
    ],
    checks,
  );

const phaseTable = ({ marks }: DrillRecord): Html =>
  tableOf(
    'Phases of the recovery',
    [
      { title: 'Phase', cell: ({ phase }) => html`${DRILL_PHASES[phase]}` },
      { title: 'Time', kind: 'number', cell: ({ durationMs }) => html`${durationText(durationMs)}` },
    ],
    phasesOf(marks),
  );

const tablesTable = ({ tables }: DrillRecord): Html =>
  tableOf<DrilledTable>(
    'Tables that were read',
    [
      { title: 'Table', cell: ({ name }) => html`<code>${name}</code>` },
      { title: 'Rows read', kind: 'number', cell: ({ rows }) => html`${countText(rows)}` },
      { title: 'Of it', cell: (one) => html`${shareText(one)}` },
    ],
    tables,
  );
