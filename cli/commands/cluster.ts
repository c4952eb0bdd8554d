/** `up`, `down`, `reset`, `seed`: the embedded cluster for people who work with it. */

import { seed } from '../../demo/seed/seed';
import { UsageError } from '../../lambda/domain/errors';
import { withSession } from '../../lambda/ports/database';
import type { CommandContext } from '../command';
import { clusterOf, openHome } from '../home';
import { port } from '../options';

export async function upCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { port?: string },
): Promise<number> {
  const cluster = clusterOf(context, raw.port === undefined ? {} : { port: port('--port', raw.port) });
  const { url, startedByUs } = await cluster.ensureStarted();
  context.terminal.summary(
    startedByUs ? 'The embedded cluster is up.' : 'The embedded cluster was up already.',
    url,
  );
  context.finish({ url });
  return 0;
}

export async function downCommand(context: CommandContext): Promise<number> {
  const state = await clusterOf(context).stop();
  context.terminal.summary(
    state === 'stopped' ? 'The embedded cluster is stopped.' : 'The embedded cluster was not running.',
  );
  context.finish({ state });
  return 0;
}

export async function resetCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { yes?: boolean },
): Promise<number> {
  if (!raw.yes && context.interactive) {
    const answer = await context.terminal.ask(
      `Delete the cluster in ${context.options.dataDir}, its archive and its runs?`,
    );
    if (answer === 'no') {
      context.terminal.summary('Nothing was deleted.');
      return 130;
    }
  }
  await clusterOf(context).reset();
  context.terminal.summary('The embedded cluster, its archive and its runs are deleted.');
  context.finish({ state: 'deleted' });
  return 0;
}

export async function seedCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { scale: string },
): Promise<number> {
  const scale = scaleOf(raw.scale);
  const home = await openHome(context);
  const { rows, byTable } = await withSession(home.database, { applicationName: 'godwit seed' }, (session) =>
    seed(session, {
      scale,
      onTable: ({ table, rows: count, tablesDone, tablesTotal }) =>
        context.terminal.note(`${table}: ${count} rows (${tablesDone} of ${tablesTotal} tables)`),
    }),
  );
  context.terminal.summary(`${rows.toLocaleString('en')} rows in ${Object.keys(byTable).length} tables.`);
  context.finish({ rows, byTable });
  return 0;
}

export function scaleOf(text: string): number {
  const scale = Number(text);
  if (!(scale > 0 && scale <= 100))
    throw new UsageError(`--scale cannot be "${text}". Use a number above 0, at most 100.`);
  return scale;
}
