/** `runs list|show|report|watch`: past and current runs, from their journals. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { UsageError } from '../../lambda/domain/errors';
import { EXIT_CODES, type JournalEntry } from '../../lambda/domain/run';
import { Journal, listRuns, readRequest } from '../../lambda/journal/journal';
import type { ObjectStore } from '../../lambda/ports/object-store';
import { collectReport } from '../../lambda/report/collect';
import { renderReport } from '../../lambda/report/render';
import type { CommandContext } from '../command';

const POLL_MS = 300;

export async function runsCommand(
  context: CommandContext,
  [action = '', runId]: readonly string[],
): Promise<number> {
  const store = new FileObjectStore(context.options.dataDir);
  switch (action) {
    case 'list':
      return list(context, store);
    case 'show':
      return show(context, store, await chosen(store, runId));
    case 'report':
      return report(context, store, await chosen(store, runId));
    case 'watch':
      return watch(context, store, await chosen(store, runId));
    default:
      throw new UsageError(`runs cannot "${action}". Use list, show, report or watch.`);
  }
}

async function list(context: CommandContext, store: ObjectStore): Promise<number> {
  const runs = await Promise.all(
    (await listRuns(store)).map(async (runId) => {
      const [request, journal] = await Promise.all([readRequest(store, runId), Journal.open(store, runId)]);
      return {
        runId,
        at: request.requestedAt,
        database: request.database,
        status: journal.outcome?.status ?? 'unfinished',
      };
    }),
  );
  context.terminal.summary(
    ...(runs.length === 0
      ? ['No run yet.']
      : runs.map((run) => `${run.runId}  ${run.at}  ${run.status.padEnd(13)}  ${run.database}`)),
  );
  context.finish({ runs });
  return 0;
}

async function show(context: CommandContext, store: ObjectStore, runId: string): Promise<number> {
  const [request, journal] = await Promise.all([readRequest(store, runId), Journal.open(store, runId)]);
  context.terminal.summary(
    `${runId} on ${request.database}, asked for by ${request.requestedBy}`,
    ...journal.entries.map(lineOf),
    `Status: ${journal.outcome?.status ?? 'unfinished'}${journal.outcome ? `, ${journal.outcome.reason}` : ''}`,
  );
  context.finish({ runId, state: journal.outcome?.status ?? 'unfinished', entries: journal.entries });
  return 0;
}

async function report(context: CommandContext, store: ObjectStore, runId: string): Promise<number> {
  const [request, journal] = await Promise.all([readRequest(store, runId), Journal.open(store, runId)]);
  const { markdown, html } = renderReport(collectReport({ request, journal }));
  const paths = ['md', 'html'].map((format) =>
    join(context.options.dataDir, 'runs', runId, `report.${format}`),
  );
  const [markdownPath = '', htmlPath = ''] = paths;
  // A finished run's report holds what was measured from outside, too: it stays.
  if (!journal.record('Report')) {
    await writeFile(markdownPath, markdown);
    await writeFile(htmlPath, html);
  }
  context.terminal.summary(...paths);
  context.finish({ runId, markdown: markdownPath, report: htmlPath });
  return 0;
}

async function watch(context: CommandContext, store: ObjectStore, runId: string): Promise<number> {
  const journal = await Journal.open(store, runId);
  let shown = 0;
  while (!context.signal.aborted) {
    for (const entry of journal.entries.slice(shown)) context.terminal.note(lineOf(entry));
    shown = journal.entries.length;
    if (journal.record('Notify') ?? journal.outcome) {
      const status = journal.outcome?.status ?? 'failed';
      context.finish({ runId, status, reason: journal.outcome?.reason ?? '' });
      return EXIT_CODES[status];
    }
    await sleep(POLL_MS);
    await journal.refresh();
  }
  return 130;
}

async function chosen(store: ObjectStore, runId: string | undefined): Promise<string> {
  const newest = runId ?? (await listRuns(store))[0];
  if (newest === undefined) throw new UsageError('There is no run yet.');
  await readRequest(store, newest);
  return newest;
}

function lineOf(entry: JournalEntry): string {
  const time = entry.at.slice(11, 23);
  switch (entry.type) {
    case 'entered':
      return `${time}  ${entry.step}`;
    case 'checkpoint':
      return `${time}  ${entry.step} ${entry.verdict}: ${entry.message}`;
    case 'crashed':
      return `${time}  crashed: ${entry.error} ${entry.cause}`;
    case 'statements':
      return `${time}  ${entry.statements.length} statements run`;
    case 'note':
      return `${time}  ${entry.message}`;
  }
}
