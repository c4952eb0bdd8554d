/** Finds out what is to be checked, and against what: a database where there is one, else the migrations' own history. */
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { LintRequest } from '../../lambda/checks/lint';
import { UsageError } from '../../lambda/domain/errors';
import type { Migration } from '../../lambda/domain/migration';
import type { Database } from '../../lambda/ports/database';
import { pluralText } from '../../lambda/report/words';
import type { CommandContext } from '../command';
import { readProject } from '../project-folder';

export interface Subject {
  readonly request: LintRequest;
  /** Those that were asked for; the request may hold others that lie between them. */
  readonly chosen: readonly Migration[];
  readonly serverMajor: number | undefined;
  readonly scope: string;
}

interface Known {
  readonly database: Database;
  readonly label: string;
  readonly applied: readonly string[];
}

export async function findSubject(context: CommandContext, wanted: readonly string[]): Promise<Subject> {
  const known = await knownDatabase(context);
  const { migrations } = await readProject(context.options.prismaDir, {
    allowAnySql: true,
    ...(known === undefined ? {} : { applied: async () => known.applied }),
  });
  const chosen = wanted.length === 0 ? unapplied(migrations, known) : wanted.map(namedIn(migrations));
  const last = Math.max(-1, ...chosen.map((migration) => migrations.indexOf(migration)));
  const upToLast = migrations.slice(0, last + 1);
  const pending = unapplied(upToLast, known);
  if (known === undefined) return byHistory(upToLast, chosen, 'no database was asked');
  const { readStanding } = await import('./standing');
  if (chosen.some((migration) => !pending.includes(migration))) {
    const { facts } = await readStanding(known.database, []);
    const subject = byHistory(upToLast, chosen, `sized by ${known.label}, where some are applied already`);
    return { ...subject, request: { ...subject.request, facts }, serverMajor: majorOf(facts.serverVersion) };
  }
  const { start, facts } = await readStanding(known.database, pending);
  return {
    request: { before: [], migrations: pending, start, facts },
    chosen,
    serverMajor: majorOf(facts.serverVersion),
    scope: `Checked ${countOf(chosen)} against ${known.label}.`,
  };
}

const majorOf = (serverVersion: number): number => Math.floor(serverVersion / 10_000);

const countOf = (migrations: readonly Migration[]): string => pluralText(migrations.length, 'migration');

function byHistory(upToLast: readonly Migration[], chosen: readonly Migration[], how: string): Subject {
  const first = upToLast.findIndex((migration) => chosen.includes(migration));
  return {
    request: {
      before: upToLast.slice(0, Math.max(0, first)),
      migrations: upToLast.slice(Math.max(0, first)),
    },
    chosen,
    serverMajor: undefined,
    scope: `Checked ${countOf(chosen)}, each against the history before it: ${how}.`,
  };
}

const unapplied = (migrations: readonly Migration[], known: Known | undefined): readonly Migration[] =>
  migrations.filter(({ name }) => known === undefined || !known.applied.includes(name));

/** By its name, or by the path of its folder or file, as a shell completes it. */
export const namedIn =
  (migrations: readonly Migration[]) =>
  (wanted: string): Migration => {
    const path = wanted.replace(/[\\/]+$/, '');
    const name = basename(path) === 'migration.sql' ? basename(dirname(path)) : basename(path);
    const found = migrations.find((migration) => migration.name === name);
    if (found !== undefined) return found;
    const last = migrations.at(-1)?.name;
    throw new UsageError(
      `There is no migration "${wanted}" in the migrations folder. ${last === undefined ? 'There is none at all.' : `Its last one is ${last}.`}`,
    );
  };

/** Asked for by its URL, or the embedded cluster if it runs already: to check SQL nothing is started. */
export async function knownDatabase(context: CommandContext): Promise<Known | undefined> {
  const { databaseUrl, dataDir } = context.options;
  if (databaseUrl === undefined && !existsSync(dataDir)) return undefined;
  const { clusterOf, openHome } = await import('../home');
  if (databaseUrl === undefined && (await clusterOf(context).status()).state !== 'running') return undefined;
  const { database, label } = await openHome(context);
  const { appliedNames } = await import('../prisma-commands/context');
  return { database, label, applied: await appliedNames(database) };
}
