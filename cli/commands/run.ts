/** `run`, `deploy`, `rehearse`: pending migrations through the workflow. */
import { join } from 'node:path';
import { MigrationsFolderError, UsageError } from '../../lambda/domain/errors';
import type { Project } from '../../lambda/domain/migration';
import {
  type ApprovalMode,
  DEFAULT_POLICY,
  EXIT_CODES,
  type Policy,
  type StatementTiming,
} from '../../lambda/domain/run';
import { findingsOf } from '../../lambda/report/collect';
import type { CommandContext } from '../command';
import { clusterOf, type Home, openHome, stepContext } from '../home';
import { type RawRunOptions, runPolicy } from '../options';
import { appliedNames } from '../prisma-commands/context';
import { readProject } from '../project-folder';
import { type FinishedRun, takeThroughWorkflow } from '../workflow-run';

export async function runCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: RawRunOptions,
): Promise<number> {
  return runWith(context, runPolicy(raw, { ...policyFor(context), approve: asksWhoIsThere(context) }));
}

export async function deployCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: RawRunOptions,
): Promise<number> {
  return runWith(context, runPolicy(raw, { ...policyFor(context), approve: 'auto', rehearse: false }));
}

const asksWhoIsThere = ({ interactive }: CommandContext): ApprovalMode => (interactive ? 'ask' : 'never');

/** Nothing is lost without a person's word. */
const policyFor = (context: CommandContext): Policy => ({
  ...DEFAULT_POLICY,
  wayBack: { ...DEFAULT_POLICY.wayBack, restore: asksWhoIsThere(context) },
});

export async function rehearseCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: RawRunOptions,
): Promise<number> {
  return runWith(context, runPolicy(raw, { ...DEFAULT_POLICY, approve: 'never', rehearseOnly: true }));
}

async function runWith(context: CommandContext, policy: Policy): Promise<number> {
  const began = performance.now();
  const { project, home: opened } = await readProjectFor(context);
  if (policy.until !== undefined && !project.migrations.some(({ name }) => name === policy.until)) {
    throw new UsageError(`--until names ${policy.until}, which is not in the migrations folder.`);
  }
  const home = opened ?? (await openHome(context));
  const run = await takeThroughWorkflow(context, home, {
    project,
    policy,
    steps: stepContext(context, home),
  });
  return concludeRun(context, run, {
    command: policy.rehearseOnly ? 'rehearse' : 'run',
    durationMs: performance.now() - began,
  });
}

/**
 * Read before anything is started: a faulty folder must not cost a cluster. Only where there is a database can a fault be
 * none because the migration is applied, and history cannot be corrected any more.
 */
async function readProjectFor(context: CommandContext): Promise<{ project: Project; home?: Home }> {
  try {
    return { project: await readProject(context.options.prismaDir) };
  } catch (error) {
    if (!(error instanceof MigrationsFolderError) || !(await hasDatabase(context))) throw error;
    const home = await openHome(context);
    const project = await readProject(context.options.prismaDir, {
      applied: () => appliedNames(home.database),
    });
    return { project, home };
  }
}

async function hasDatabase(context: CommandContext): Promise<boolean> {
  return context.options.databaseUrl !== undefined || (await clusterOf(context).status()).state !== 'absent';
}

/** Says how the run ended, and answers the exit code that `docs/command-line.md` promises for it. */
export function concludeRun(
  context: CommandContext,
  { request, journal }: FinishedRun,
  facts: { readonly command: string; readonly durationMs: number },
): number {
  const outcome = journal.outcome;
  const status = outcome?.status ?? 'failed';
  const reports = journal.record('Report');
  const rehearsal = journal.record('Rehearse');
  context.finish({
    runId: request.runId,
    status,
    reason: outcome?.reason ?? 'the run was not judged',
    applied: outcome?.applied ?? [],
    rolledBack: outcome?.rolledBack ?? [],
    findings: findingsOf(journal),
    worstBlockingMs: journal.record('Migrate')?.worstBlockingMs ?? 0,
    durationMs: Math.round(facts.durationMs),
    ...(reports ? { report: join(context.options.dataDir, reports.html) } : {}),
    ...(facts.command === 'rehearse'
      ? {
          statements: (rehearsal?.statements ?? []).map(rehearsedStatement),
          plans: rehearsal?.plans ?? [],
          ...(rehearsal?.estimate === undefined ? {} : { estimate: rehearsal.estimate }),
        }
      : {}),
  });
  return EXIT_CODES[status];
}

const rehearsedStatement = ({
  migration,
  line,
  sql,
  durationMs,
  locks = [],
  rewrites = false,
  cost,
  unforeseen = [],
}: StatementTiming) => ({
  migration,
  line,
  sql,
  durationMs,
  locks,
  rewrites,
  walBytes: cost?.walBytes ?? 0,
  grownBytes: cost?.grownBytes ?? 0,
  unforeseen,
});
