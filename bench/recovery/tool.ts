/** Runs other people's programs as the user whom the server runs as. */
import { spawn } from 'node:child_process';
import type { Owner } from '../../lambda/adapters/embedded/files';
import { serverEnvironment } from '../../lambda/adapters/embedded/server-user';

export interface Tool {
  readonly program: string;
  readonly args: readonly string[];
  readonly user: Owner | undefined;
  readonly signal: AbortSignal;
}

/** Answers what it printed. Aborted, it is ended, and waited for: what it writes to is about to be removed. */
export async function runTool({ program, args, user, signal }: Tool): Promise<string> {
  signal.throwIfAborted();
  const child = spawn(program, [...args], {
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let printed = '';
  let lastWords = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (exitCode !== 0)
      throw new Error(`${program} ended with ${exitCode}: ${(lastWords || printed).trim()}`);
    return printed;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
