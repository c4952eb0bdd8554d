/** `up`, `down`, `reset`, `seed`: the embedded cluster for people who work with it. */

import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { seed } from '../../demo/seed/seed';
import { AbortRequested, UsageError } from '../../lambda/domain/errors';
import { withSession } from '../../lambda/ports/database';
import { ClusterUse } from '../cluster-use';
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
  await new ClusterUse(context.options.dataDir).keepUp();
  context.terminal.summary(
    startedByUs ? 'The embedded cluster is up.' : 'The embedded cluster was up already.',
    url,
  );
  context.finish({ url });
  return 0;
}

export async function downCommand(context: CommandContext): Promise<number> {
  const use = new ClusterUse(context.options.dataDir);
  await use.refuseToDisturb();
  await use.letGo();
  const state = await clusterOf(context).stop();
  context.terminal.summary(
    state === 'stopped' ? 'The embedded cluster is stopped.' : 'The embedded cluster was not running.',
  );
  context.finish({ state });
  return 0;
}

/** What Godwit's object store keeps in the data directory. */
const JOURNAL_FOLDERS = [
  'runs',
  'leases',
  'outbox',
  'no-drift',
  'proofs',
  'drills',
  'users',
  'kept-up',
  '.store',
] as const;

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
  }
}

export async function resetCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { yes?: boolean },
): Promise<number> {
  await new ClusterUse(context.options.dataDir).refuseToDisturb();
  if (!raw.yes) {
    const question = `Delete the cluster in ${context.options.dataDir}, its archive and its runs?`;
    if (!context.interactive || (await context.terminal.ask(question)) === 'no') {
      context.terminal.summary(
        context.interactive ? 'Nothing was deleted.' : 'To delete a cluster must be confirmed: add --yes.',
      );
      context.finish({ status: 'blocked' });
      return 3;
    }
  }
  await clusterOf(context).reset();
  for (const folder of JOURNAL_FOLDERS)
    await rm(join(context.options.dataDir, folder), { recursive: true, force: true });
  await removeIfEmpty(context.options.dataDir);
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
      onTable: ({ table, rows: count, tablesDone, tablesTotal }) => {
        if (context.signal.aborted) throw new AbortRequested('a person; nothing was seeded');
        context.terminal.note(`${table}: ${count} rows (${tablesDone} of ${tablesTotal} tables)`);
      },
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
