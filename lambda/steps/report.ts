/** Report: everything that the journal knows, as Markdown and HTML, beside the journal. */
import { collectReport } from '../report/collect';
import { renderReport } from '../report/render';
import { step } from './enter';

export const reportKey = (runId: string, format: 'md' | 'html'): string => `runs/${runId}/report.${format}`;

export const report = step<'Report'>('Report', async (run) => {
  const { markdown, html } = renderReport(
    collectReport({ request: run.request, journal: run.journal, application: run.observedApplication?.() }),
  );
  const keys = { markdown: reportKey(run.runId, 'md'), html: reportKey(run.runId, 'html') };
  await overwrite(run.store, keys.markdown, markdown);
  await overwrite(run.store, keys.html, html);
  return { verdict: 'passed', message: keys.html, record: keys };
});

/** A step entered again after a crash writes a later and fuller report over the earlier one. */
async function overwrite(
  store: Parameters<Parameters<typeof step>[1]>[0]['store'],
  key: string,
  body: string,
): Promise<void> {
  const stored = await store.get(key);
  await (stored ? store.putIfMatch(key, body, stored.version) : store.putIfAbsent(key, body));
}
