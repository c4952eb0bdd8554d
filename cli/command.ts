/** Runs one command: terminal, signals, errors and clean-up are the same for all. */
import type { Command } from 'commander';
import { visible } from '../lambda/report/visible';
import { type Ending, endingOf } from './exit';
import type { GlobalOptions, Invocation } from './options';
import { type CommandResult, chooseMode, createTerminal, type Terminal } from './terminal';

export interface CommandContext {
  /** Its name, for people. */
  readonly command: string;
  readonly invocation: Invocation;
  readonly options: GlobalOptions;
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Whether somebody sits at a terminal who can be asked. */
  readonly interactive: boolean;
  /** Ends the command's output, under `--json` with its last line. */
  finish(result: Omit<CommandResult, 'command'>): void;
  /** Runs when the command ends, however it ends; last registered first. */
  atEnd(cleanUp: () => Promise<void>): void;
}

export async function runCommand(
  command: Command,
  invocation: Invocation,
  readOptions: () => GlobalOptions,
  work: (context: CommandContext) => Promise<number>,
): Promise<number> {
  let options: GlobalOptions;
  try {
    options = readOptions();
  } catch (error) {
    const ending = endingOf(error, { verbose: false });
    writeFailure(invocation, command.name(), ending);
    return ending.exitCode;
  }
  const choice = chooseMode({
    stdout: process.stdout,
    json: options.json,
    noColor: !options.color,
    env: invocation.env,
  });
  const interactive = process.stdin.isTTY === true && choice.mode !== 'json' && !invocation.env.CI;
  const terminal = createTerminal({
    stdout: process.stdout,
    stderr: process.stderr,
    level: options.level,
    now: () => Date.now(),
    ...(interactive ? { stdin: process.stdin } : {}),
    ...choice,
  });
  const cleanUps: (() => Promise<void>)[] = [];
  const stopping = stopOnSignals(terminal);
  const context: CommandContext = {
    command: command.name(),
    invocation,
    options,
    terminal,
    signal: stopping.signal,
    interactive,
    finish: (result) => terminal.result({ command: command.name(), ...result }),
    atEnd: (cleanUp) => cleanUps.unshift(cleanUp),
  };
  let exitCode: number;
  try {
    exitCode = await work(context);
  } catch (error) {
    const ending = endingOf(error, { verbose: options.level === 'verbose' });
    exitCode = stopping.signal.aborted ? 130 : ending.exitCode;
    terminal.close();
    if (options.json) context.finish({ error: ending.error, message: ending.message, exitCode });
    process.stderr.write(`${visible(ending.message)}\n`);
  }
  for (const cleanUp of cleanUps) {
    try {
      await cleanUp();
    } catch (error) {
      process.stderr.write(`While cleaning up: ${visible(endingOf(error, { verbose: true }).message)}\n`);
      exitCode ||= 5;
    }
  }
  terminal.close();
  stopping.dispose();
  return exitCode;
}

/** Where no terminal exists yet: the options themselves are wrong. */
export function writeFailure(
  { argv }: Pick<Invocation, 'argv'>,
  command: string,
  { error, message, exitCode }: Ending,
): void {
  if (argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ type: 'result', command, error, message, exitCode })}\n`);
  }
  process.stderr.write(`${visible(message)}\n`);
}

/** The first signal asks for an orderly stop, the second one ends the process where it stands. */
function stopOnSignals(terminal: Terminal): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      terminal.close();
      process.exit(130);
    }
    terminal.note(`${name}: stopping in order; what was begun is undone. Once more to stop at once.`);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
