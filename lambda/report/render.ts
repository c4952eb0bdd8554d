/** A run's report for people: the same facts as Markdown and as one HTML page. */
import type { RenderedReport, ReportData } from './data';
import { renderMarkdown } from './markdown';
import { renderHtml } from './page';

export const renderReport = (data: ReportData): RenderedReport => ({
  markdown: renderMarkdown(data),
  html: renderHtml(data),
});

export type * from './data';
