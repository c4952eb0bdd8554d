/** The rehearsal's part of the report as HTML. */
import type { ReportData } from './data';
import { type Html, html, NOTHING, tableOf } from './html';
import { basisOf, costText, foretoldRows, PLAN_WORDS, seenRows } from './rehearsal';

const text = (words: string): Html => html`${words}`;
const code = (words: string): Html => html`<code>${words}</code>`;

export const foretold = (data: ReportData): Html =>
  data.estimate === undefined
    ? NOTHING
    : html`${tableOf(
        'What the rehearsal foretold for production',
        [
          { title: 'What', cell: ({ what }) => text(what) },
          { title: 'Likely', kind: 'number', cell: ({ likely }) => text(likely) },
          { title: 'Range', kind: 'number', cell: ({ range }) => text(range) },
          { title: 'In production', kind: 'number', cell: ({ measured }) => text(measured) },
        ],
        foretoldRows(data),
      )}${basisOf(data).map((sentence) => html`<p class="soft">${sentence}</p>`)}`;

export const plans = (data: ReportData): Html =>
  tableOf(
    'Plans of watched queries before and after',
    [
      { title: 'Query', cell: ({ file }) => code(file) },
      {
        title: 'Plan',
        cell: ({ verdict }) =>
          html`<span class="tag ${PLAN_WORDS[verdict].tone}">${PLAN_WORDS[verdict].text}</span>`,
      },
      { title: 'Cost before', kind: 'number', cell: ({ costBefore }) => text(costText(costBefore)) },
      { title: 'Cost after', kind: 'number', cell: ({ costAfter }) => text(costText(costAfter)) },
      { title: 'Why', cell: ({ reason }) => text(reason) },
    ],
    data.plans ?? [],
  );

export const seen = (data: ReportData): Html =>
  tableOf(
    'Locks, WAL and disk of each statement on the clone',
    [
      { title: 'Statement', kind: 'code', cell: ({ migration, line }) => code(`${migration}:${line}`) },
      { title: 'Locks', cell: ({ locks }) => html`${locks.map((lock) => html`<div>${lock}</div>`)}` },
      { title: 'WAL', kind: 'number', cell: ({ wal }) => text(wal) },
      { title: 'Disk', kind: 'number', cell: ({ grown }) => text(grown) },
    ],
    seenRows(data),
  );
