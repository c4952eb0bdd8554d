/** Runs the built command line as its users do: as a process, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeRoomyFolder } from './roomy-folder';

export const projectRoot = join(__dirname, '..', '..');
const bundle = join(projectRoot, 'dist', 'godwit.mjs');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of `--json`, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  /** The last line of `--json`. */
  readonly result: Record<string, unknown>;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when a line of `--json` satisfies the condition; rejects when the command ends before. */
  sees(condition: (line: Record<string, unknown>) => boolean): Promise<void>;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function startGodwit(
  args: readonly string[],
  { env = {}, cwd = projectRoot }: CommandOptions = {},
): RunningCommand {
  if (!existsSync(bundle)) throw new Error('The bundle is missing: run "npm run build" first.');
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [bundle, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const lines = parseLines(stdout);
      resolve({ code, stdout, stderr, lines, result: lines.at(-1) ?? {} });
    });
  });
  return {
    child,
    finished,
    sees: (condition) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!parseLines(stdout).some(condition)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void finished.then((end) =>
          reject(new Error(`ended with ${end.code} before that was seen: ${end.stderr}`)),
        );
      }),
  };
}

export const godwit = (args: readonly string[], options: CommandOptions = {}): Promise<Finished> =>
  startGodwit(args, options).finished;

function parseLines(stdout: string): Record<string, unknown>[] {
  return stdout.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    return [JSON.parse(line) as Record<string, unknown>];
  });
}

/** A folder for one test file, removed by its `remove`. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await makeRoomyFolder();
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes files of a Prisma folder; paths are relative to it. */
export async function writePrismaFolder(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  return folder;
}

export const copyProjectPrisma = (to: string): Promise<void> =>
  cp(join(projectRoot, 'prisma'), to, { recursive: true });
