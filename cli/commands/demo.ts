/** The main job: WeDefiDaily's database under a simulated application, taken through its pending migrations. */
import { join } from 'node:path';
import {
  type ApplicationStats,
  type RunningApplication,
  startApplication,
} from '../../demo/application/start';
import { readFaultyMigrations } from '../../demo/faulty-migrations';
import { makeStartingPoint } from '../../demo/starting-point';
import { AbortRequested, UsageError } from '../../lambda/domain/errors';
import type { Project } from '../../lambda/domain/migration';
import { DEFAULT_POLICY, type Policy } from '../../lambda/domain/run';
import type { ProgressEvent } from '../../lambda/domain/step';
import type { ReportApplication } from '../../lambda/report/data';
import type { CommandContext } from '../command';
import { type Home, openHome, stepContext } from '../home';
import { baseline as adopt } from '../prisma-commands/baseline';
import { readProject } from '../project-folder';
import { type FinishedRun, takeThroughWorkflow } from '../workflow-run';
import { scaleOf } from './cluster';
import { concludeRun } from './run';

interface DemoOptions {
  readonly faulty?: boolean;
  readonly scale: string;
  readonly rate: string;
}

/** Nobody is asked in a demonstration; everything else is as in production. */
const POLICY: Policy = {
  ...DEFAULT_POLICY,
  approve: 'auto',
  wayBack: { ...DEFAULT_POLICY.wayBack, restore: 'auto' },
};

export async function demoCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: DemoOptions,
): Promise<number> {
  const began = performance.now();
  const scale = scaleOf(raw.scale);
  const rate = rateOf(raw.rate);
  const project = await readProject(prismaDirOf(context));
  const home = await openHome(context, { embeddedOnly: true });
  await prepare(context, home, project, scale);

  if (!raw.faulty) {
    const run = await runUnderLoad(context, home, { project, policy: POLICY, rate });
    return concludeRun(context, run, { command: 'demo', durationMs: performance.now() - began });
  }
  const { pending } = await home.engine.diagnose(home.database, project);
  if (pending.length > 0) {
    context.terminal.note('First the production migrations, so that the faulty one stands alone.');
    await takeThroughWorkflow(context, home, {
      project,
      policy: { ...POLICY, rehearse: false },
      steps: stepContext(context, home),
    });
  }
  context.terminal.note('Now a faulty migration, without the rehearsal that would have refused it.');
  const run = await runUnderLoad(context, home, {
    project: await withFaultyMigration(context, project),
    policy: { ...POLICY, rehearse: false },
    rate,
  });
  return concludeRun(context, run, { command: 'demo', durationMs: performance.now() - began });
}

/** Rows of a table that take long enough to say so. */
const WORTH_A_LINE = 15_000;

async function prepare(context: CommandContext, home: Home, project: Project, scale: number): Promise<void> {
  const [baseline] = project.migrations;
  if (!baseline) throw new UsageError("WeDefiDaily's migrations folder is empty.");
  const { hasLedger } = await home.engine.diagnose(home.database, project);
  if (hasLedger) return;
  context.terminal.note("WeDefiDaily's starting point: the tables as db push left them, with sample data");
  const rows = await makeStartingPoint({
    database: home.database,
    baseline,
    scale,
    onTable: ({ table, rows: count, tablesDone, tablesTotal }) => {
      if (context.signal.aborted) throw new AbortRequested('a person; nothing was seeded');
      if (count < WORTH_A_LINE) return;
      const place = `table ${tablesDone} of ${tablesTotal}`;
      context.terminal.note(`${table}: ${count.toLocaleString('en')} rows (${place})`);
    },
  });
  if (rows !== undefined) context.terminal.note(`${rows.toLocaleString('en')} rows in 33 tables`);
  const { exitCode } = await adopt({
    database: home.database,
    engine: home.engine,
    prismaDir: prismaDirOf(context),
    print: (text) => context.terminal.note(text.replaceAll(/\s+/g, ' ')),
  });
  if (exitCode !== 0)
    throw new UsageError(
      'The embedded database is not what the first migration builds. Begin anew with "godwit reset".',
    );
}

interface LoadedRun {
  readonly project: Project;
  readonly policy: Policy;
  readonly rate: number;
}

async function runUnderLoad(
  context: CommandContext,
  home: Home,
  { project, policy, rate }: LoadedRun,
): Promise<FinishedRun> {
  const { pending } = await home.engine.diagnose(home.database, project);
  const application = pending.length > 0 ? await watchedApplication(context, home, rate) : undefined;
  const base = stepContext(context, home);
  const run = await takeThroughWorkflow(context, home, {
    project,
    policy,
    steps: {
      ...base,
      observedApplication: () => (application ? observed(application.stats) : undefined),
      progress: {
        report: (event) => {
          if (isStartOfMigrate(event)) application?.mark();
          base.progress.report(event);
        },
      },
    },
  });
  if (application) {
    const stats = await application.stop();
    context.terminal.summary(
      `The application: ${stats.requests.toLocaleString('en')} requests, ${stats.errors} errors, slowest ${Math.round(stats.worstMs)} ms, 99% within ${Math.round(stats.p99)} ms`,
    );
  }
  return run;
}

async function watchedApplication(
  context: CommandContext,
  home: Home,
  rate: number,
): Promise<RunningApplication> {
  const application = await startApplication({
    url: home.url,
    ratePerSecond: rate,
    entry: join(context.invocation.projectRoot, 'dist', 'application.mjs'),
    onStats: (stats) =>
      context.terminal.application({
        worstMs: stats.worstMs,
        requestsPerSecond: stats.requestsPerSecond,
        errors: stats.errors,
      }),
  });
  context.atEnd(async () => void (await application.stop()));
  return application;
}

const isStartOfMigrate = (event: ProgressEvent): boolean =>
  event.type === 'step' && event.step === 'Migrate' && event.status === 'entered';

const observed = (stats: ApplicationStats): ReportApplication => ({
  requests: stats.requests,
  errors: stats.errors,
  worstMs: stats.worstMs,
  p99Ms: stats.p99,
  requestsPerSecond: stats.requestsPerSecond,
});

async function withFaultyMigration(context: CommandContext, project: Project): Promise<Project> {
  const faulty = await readFaultyMigrations(join(context.invocation.projectRoot, 'demo', 'faulty'));
  return { ...project, migrations: [...project.migrations, ...faulty] };
}

const prismaDirOf = ({ invocation }: CommandContext): string => join(invocation.projectRoot, 'prisma');

function rateOf(text: string): number {
  const rate = Number(text);
  if (!Number.isInteger(rate) || rate < 1 || rate > 2000) {
    throw new UsageError(`--rate cannot be "${text}". Use whole requests per second from 1 to 2000.`);
  }
  return rate;
}
