/** Chooses how to speak from where the output goes. */
import type { Output } from './outlet';

export type TerminalMode = 'tty' | 'plain' | 'json';

export interface TerminalChoice {
  readonly mode: TerminalMode;
  readonly color: boolean;
  readonly unicode: boolean;
}

export function chooseMode(options: {
  readonly stdout: Output;
  readonly json: boolean;
  readonly noColor: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): TerminalChoice {
  const { stdout, json, noColor, env } = options;
  // https://no-color.org: any value but the empty one.
  const colorless = noColor || (env.NO_COLOR ?? '') !== '';
  const live = stdout.isTTY === true && (env.CI ?? '') === '' && env.TERM !== 'dumb' && !colorless;
  return {
    mode: json ? 'json' : live ? 'tty' : 'plain',
    color: live && !json,
    // The Linux console's font has neither spinner nor tick.
    unicode: env.TERM !== 'linux',
  };
}
