/** The command line: what there is to say, and which module does it. Modules load only when their command runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { CommandContext } from './command';
import { globalOptions, type Invocation, type RawGlobalOptions } from './options';
import { npmArguments } from './prisma-commands/npm-arguments';

type Run = (context: CommandContext, args: readonly string[], options: never) => Promise<number>;

export async function main(invocation: Invocation): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(invocation, async (command, load, args, options) => {
    const { runCommand } = await import('./command');
    exitCode = await runCommand(
      command,
      invocation,
      () => globalOptions(command.optsWithGlobals<RawGlobalOptions>(), invocation),
      async (context) => (await load())(context, args, options as never),
    );
  });
  try {
    await program.parseAsync(argumentsOf(invocation), { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has written its message already; help and version are no errors.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (invocation.argv.includes('--json')) process.stdout.write(usageResult(error.message));
      return 2;
    }
    throw error;
  }
}

const usageResult = (message: string): string =>
  `${JSON.stringify({ type: 'result', command: '', error: 'UsageError', message, exitCode: 2 })}\n`;

const argumentsOf = ({ argv, env }: Invocation): string[] => [...npmArguments(argv.slice(2), env)];

type Execute = (
  command: Command,
  load: () => Promise<Run>,
  args: readonly string[],
  options: object,
) => Promise<void>;

function buildProgram(invocation: Invocation, execute: Execute): Command {
  const program = new Command('godwit')
    .description(
      'Takes Prisma migrations to a busy production Postgres, with proof that the data survived and a way back.',
    )
    .version(versionOf(invocation), '--version', 'print the version')
    .option('--prisma <dir>', 'Prisma folder: schema.prisma, migrations/, invariants/ (default: prisma)')
    .option('--database-url <url>', 'an existing server (default: DATABASE_URL, else the embedded cluster)')
    .option('--data-dir <dir>', 'embedded cluster, WAL archive, runs (default: .godwit)')
    .option(
      '--json',
      'one JSON object a line on stdout, the last one of type "result"; everything for people on stderr',
    )
    .option('--no-color', 'no colours, no moving lines')
    .option('--quiet', 'only how it ended')
    .option('--verbose', 'every event, and the causes of errors')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(see "godwit --help", or "godwit <command> --help")')
    .showSuggestionAfterError()
    .exitOverride();

  const add = (
    usage: string,
    description: string,
    load: () => Promise<Run>,
    configure: (command: Command) => Command = (command) => command,
  ): void => {
    const command = configure(program.command(usage).description(description)).exitOverride();
    command.action(async (...received: unknown[]) => {
      const self = received.at(-1) as Command;
      await execute(self, load, received.slice(0, -2).flat().filter(isText), self.opts());
    });
  };

  const runOptions = (command: Command): Command =>
    command
      .option(
        '--phase <phase>',
        'only the leading pending migrations that expand, or contract: expand, contract, all',
      )
      .option(
        '--approve <mode>',
        'auto grants, ask waits for a person, never refuses what needs approval (default: ask on a terminal)',
      )
      .option(
        '--down-scripts <mode>',
        'after a failure: auto runs the down scripts, ask waits for a person, never leaves them out; one that would lose what was written since needs what --restore asks (default: auto)',
      )
      .option(
        '--restore <mode>',
        'after a failure that no down script undoes: auto restores and loses what was written since, ask waits for a person, never holds with writes fenced (default: ask on a terminal, else never)',
      )
      .option('--skip-rehearsal', 'do not try it on a clone first')
      .option(
        '--max-blocking <ms>',
        'no request of the application waits longer than this for a migration (default: 100)',
      )
      .option(
        '--terminate-idle <ms>',
        "end sessions in the way that have sat idle in a transaction for longer than this: their open transaction is rolled back, as after a lost connection (default: nobody's session is ended)",
      )
      .option('--until <migration>', 'the last migration to apply')
      .option(
        '--maintenance-window <from-to>',
        'hours of the day in UTC, as 22:00-04:00, to which a migration is confined that blocked longer than --max-blocking when rehearsed',
      );

  add(
    'run',
    'take the pending migrations through the whole workflow',
    async () => (await import('./commands/run')).runCommand,
    (command) =>
      runOptions(command).addHelpText(
        'after',
        '\nExit codes: 0 succeeded or nothing to do · 1 failed, the database is as it was · 2 bad usage · 3 refused, nothing changed\n            4 held, writes are fenced · 5 state unknown · 130 stopped by a person',
      ),
  );
  add(
    'check [migration...]',
    'what pending or named migrations would do: locks, long work, failures; sized by the database where there is one',
    async () => (await import('./commands/check')).checkCommand,
    (command) =>
      command
        .option('--format <format>', 'tty, json, markdown, sarif or github (default: tty)')
        .option(
          '--fail-on <severity>',
          'error or warning: what makes it end with exit code 3 (default: error)',
        )
        .addHelpText(
          'after',
          '\nWithout a database every migration is judged against the history before it.\nA finding is allowed by a comment above its statement: -- godwit:allow <rule> because <reason>\nExit codes: 0 nothing of that severity found · 2 bad usage, or SQL that Postgres cannot parse · 3 findings',
        ),
  );
  add(
    'rewrite <migration>',
    'the form of a migration in which nobody waits for it, with reasons, proven to end as the original does',
    async () => (await import('./commands/rewrite')).rewriteCommand,
    (command) =>
      command
        .option('--write', 'put it into the folder: several migrations where expand and contract must part')
        .addHelpText(
          'after',
          '\nExit codes: 0 rewritten, or nothing to rewrite · 2 bad usage, or SQL that Postgres cannot parse · 3 not proven, nothing written',
        ),
  );
  add(
    'rehearse',
    'the workflow up to the rehearsal on a clone; nothing is changed',
    async () => (await import('./commands/run')).rehearseCommand,
    (command) => command.option('--until <migration>', 'the last migration to rehearse'),
  );
  add(
    'validate',
    'take readings of all invariants',
    async () => (await import('./commands/validate')).validateCommand,
    (command) => command.option('--against <runId>', "compare with that run's readings from before"),
  );
  add(
    'status',
    'what is applied and what is pending (as "prisma migrate status")',
    async () => (await import('./commands/prisma')).statusCommand,
  );
  add(
    'deploy',
    '"run" without rehearsal and approval (as "prisma migrate deploy")',
    async () => (await import('./commands/run')).deployCommand,
    runOptions,
  );
  add(
    'dev [name]',
    'write a migration from the changes in schema.prisma, draft its down.sql, and apply it (as "prisma migrate dev")',
    async () => (await import('./commands/prisma')).devCommand,
    (command) =>
      command
        .option('-n, --name <name>', 'name of the migration')
        .option('--create-only', 'write it and its down.sql, do not apply it'),
  );
  add(
    'resolve [migration]',
    'mark a migration as applied or rolled back (as "prisma migrate resolve")',
    async () => (await import('./commands/prisma')).resolveCommand,
    (command) =>
      command
        .option('--applied <migration>', 'it took effect')
        .option('--rolled-back <migration>', 'it was undone'),
  );
  add(
    'baseline [migration]',
    'adopt a database that "db push" made: prove that it has no drift, mark the migration applied',
    async () => (await import('./commands/prisma')).baselineCommand,
  );
  add(
    'up',
    'start the embedded cluster and keep it; prints its URL',
    async () => (await import('./commands/cluster')).upCommand,
    (command) =>
      command.option('--port <port>', 'port to listen on (default: a free one, kept from then on)'),
  );
  add('down', 'stop the embedded cluster', async () => (await import('./commands/cluster')).downCommand);
  add(
    'reset',
    'stop the embedded cluster and delete it, its archive and its runs',
    async () => (await import('./commands/cluster')).resetCommand,
    (command) => command.option('--yes', 'do not ask'),
  );
  add(
    'seed',
    "fill WeDefiDaily's tables with deterministic, plausible data",
    async () => (await import('./commands/cluster')).seedCommand,
    (command) => command.option('--scale <n>', '1 is about 200,000 rows', '1'),
  );
  add(
    'snapshot',
    'take a restore point now',
    async () => (await import('./commands/recovery')).snapshotCommand,
  );
  add(
    'restore',
    'restore to a restore point or a time',
    async () => (await import('./commands/restore')).restoreCommand,
    (command) =>
      command
        .requiredOption('--to <target>', 'name of a restore point, or an ISO time')
        .option('--yes', 'do not ask'),
  );
  add(
    'drill',
    'restore into a throw-away instance, prove what it holds, measure RPO and RTO',
    async () => (await import('./commands/drill')).drillCommand,
    (command) =>
      command
        .option('--restore-point <name>', 'the one to restore (default: the latest)')
        .option('--rpo <seconds>', 'most of the latest writes that may be lost (default: 300)')
        .option('--rto <seconds>', 'longest that the recovery may take (default: 900)')
        .option('--last', 'show where the report of the last drill is')
        .addHelpText(
          'after',
          '\nExit codes: 0 proven and within the targets · 1 not proven, not within them, or not recoverable; the serving database is as it was\n            2 bad usage · 130 stopped by a person; the instance is discarded',
        ),
  );
  add(
    'runs <action> [runId]',
    'list, show, report, watch: past and current runs',
    async () => (await import('./commands/runs')).runsCommand,
  );
  add(
    'approve <runId>',
    'grant what a run asks for',
    async () => (await import('./commands/answers')).approveCommand,
    withComment,
  );
  add(
    'reject <runId>',
    'refuse what a run asks for',
    async () => (await import('./commands/answers')).rejectCommand,
    withComment,
  );
  add(
    'decide <runId> <decision>',
    'roll-back, restore or hold, after a failure',
    async () => (await import('./commands/answers')).decideCommand,
    withComment,
  );
  add(
    'abort <runId>',
    'stop a run; what it began is undone',
    async () => (await import('./commands/answers')).abortCommand,
    withComment,
  );
  add(
    'demo',
    'the main job: WeDefiDaily under load, through all its production migrations',
    async () => (await import('./commands/demo')).demoCommand,
    (command) =>
      command
        .option('--faulty', 'run a migration that breaks an invariant, and show the way back')
        .option('--scale <n>', 'size of the sample data', '1')
        .option('--rate <n>', "the simulated application's requests per second", '200'),
  );
  add(
    'bench [name]',
    'benchmarks; --quick takes under a minute',
    async () => (await import('./commands/bench')).benchCommand,
    (command) => command.option('--quick', 'fewer repetitions'),
  );
  return program;
}

const EXAMPLES = `
Examples:
  godwit baseline --database-url "$URL"       adopt a database that db push made
  godwit check                                what would the migrations do? changes nothing
  godwit rehearse                             try the pending migrations on a clone, change nothing
  godwit run                                  the whole workflow; started again after a crash, it goes on
  godwit run --approve ask                    wait for a person before anything is changed
  godwit runs show                            what happened in the newest run
  godwit restore --to before-<runId>          back to the restore point that a run took
  godwit drill                                does a restore work? proves every row, measures how long it takes

Without --database-url a Postgres of Godwit's own runs under --data-dir, on 127.0.0.1.`;

const withComment = (command: Command): Command => command.option('--comment <text>', 'why, for the journal');

const isText = (value: unknown): value is string => typeof value === 'string';

/** Read, not imported: the bundle must not carry a second truth. */
function versionOf({ projectRoot }: Invocation): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
