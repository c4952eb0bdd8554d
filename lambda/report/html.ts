/** Builds HTML so that text can only ever become text. */
import { visible } from './visible';

/** Markup that was built here; text of any origin is escaped when it is put in. */
export class Html {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

type Part = string | number | Html | readonly Html[];

/** Everything interpolated is escaped unless it is `Html` already. Attributes must be quoted. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(String.raw({ raw: strings }, ...parts.map(sourceOf)));

export const NOTHING = new Html('');

export const escapeHtml = (text: string): string => visible(text).replace(/[&<>"'`=]/gu, entity);

const entity = (character: string): string => `&#${character.charCodeAt(0)};`;

const sourceOf = (part: Part): string => {
  if (part instanceof Html) return part.source;
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeHtml(part);
  return part.map((one) => one.source).join('');
};

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Html;
  readonly kind?: 'number' | 'code';
}

/**
 * A table whose first column names its rows; nothing where there are no rows.
 * The roles say what the elements mean by themselves, until a narrow screen lays them out as blocks.
 */
export function tableOf<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  if (rows.length === 0) return NOTHING;
  const head = columns.map(
    (column) =>
      html`<th scope="col" role="columnheader" class="${column.kind ?? 'text'}">${column.title}</th>`,
  );
  const body = rows.map((row) => {
    const cells = columns.map((column, index) => {
      const content = column.cell(row);
      return index === 0
        ? html`<th scope="row" role="rowheader" class="${column.kind ?? 'text'}">${content}</th>`
        : html`<td role="cell" class="${column.kind ?? 'text'}" data-title="${column.title}">${content}</td>`;
    });
    return html`<tr role="row">${cells}</tr>\n`;
  });
  return html`<table role="table"><caption class="unseen">${caption}</caption><thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">
${body}</tbody></table>`;
}
