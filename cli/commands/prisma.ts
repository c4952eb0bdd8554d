/** `status`, `resolve`, `dev`, `baseline`: what `prisma migrate` does under these names, and the adoption of a database. */
import { DEFAULT_POLICY, EXIT_CODES } from '../../lambda/domain/run';
import type { CommandContext } from '../command';
import { type Home, openHome, stepContext } from '../home';
import { baseline } from '../prisma-commands/baseline';
import type { CommandEnd, PrismaCommand } from '../prisma-commands/context';
import { type DeployEnd, dev } from '../prisma-commands/dev';
import { resolve } from '../prisma-commands/resolve';
import { status } from '../prisma-commands/status';
import { takeThroughWorkflow } from '../workflow-run';

export async function statusCommand(context: CommandContext): Promise<number> {
  return conclude(context, await status(await commandOf(context)));
}

export async function baselineCommand(
  context: CommandContext,
  [migration]: readonly string[],
): Promise<number> {
  return conclude(
    context,
    await baseline(await commandOf(context), migration === undefined ? {} : { migration }),
  );
}

interface ResolveFlags {
  readonly applied?: string;
  readonly rolledBack?: string;
}

export async function resolveCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: ResolveFlags,
): Promise<number> {
  return conclude(context, await resolve(await commandOf(context), raw));
}

interface DevFlags {
  readonly name?: string;
  readonly createOnly?: boolean;
}

export async function devCommand(
  context: CommandContext,
  [name]: readonly string[],
  raw: DevFlags,
): Promise<number> {
  const home = await openHome(context);
  const chosen = raw.name ?? name;
  const command = {
    ...prismaCommand(context, home),
    now: () => new Date(),
    deploy: (project: Parameters<typeof takeThroughWorkflow>[2]['project']) => deploy(context, home, project),
  };
  return conclude(
    context,
    await dev(command, {
      ...(chosen === undefined ? {} : { name: chosen }),
      createOnly: raw.createOnly ?? false,
    }),
  );
}

async function deploy(
  context: CommandContext,
  home: Home,
  project: Parameters<typeof takeThroughWorkflow>[2]['project'],
): Promise<DeployEnd> {
  const { journal } = await takeThroughWorkflow(context, home, {
    project,
    policy: {
      ...DEFAULT_POLICY,
      approve: 'auto',
      rehearse: false,
      // Made for development: nobody waits for its data, and nobody wants it held.
      wayBack: { ...DEFAULT_POLICY.wayBack, restore: 'auto' },
    },
    steps: stepContext(context, home),
  });
  const outcome = journal.outcome;
  const exitCode = EXIT_CODES[outcome?.status ?? 'failed'];
  if (exitCode !== 0)
    context.terminal.summary(`${outcome?.status ?? 'failed'}: ${outcome?.reason ?? 'not judged'}`);
  return { exitCode, applied: outcome?.applied ?? [] };
}

const commandOf = async (context: CommandContext): Promise<PrismaCommand> =>
  prismaCommand(context, await openHome(context));

const prismaCommand = (context: CommandContext, home: Home): PrismaCommand => ({
  database: home.database,
  engine: home.engine,
  prismaDir: context.options.prismaDir,
  print: (text) => context.terminal.summary(...text.split('\n')),
});

function conclude(context: CommandContext, { exitCode, result }: CommandEnd<object>): number {
  context.finish({ ...result });
  return exitCode;
}
