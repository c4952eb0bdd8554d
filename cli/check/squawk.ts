/** Asks Squawk for its opinion on migrations, as a child process: its binary comes with its npm package, nothing is downloaded. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../../lambda/domain/errors';
import { migrationNameProblem } from '../../lambda/domain/migration-name';

export interface SquawkRemark {
  readonly migration: string;
  /** From 1. */
  readonly line: number;
  readonly lastLine: number;
  readonly rule: string;
  readonly message: string;
  readonly help: string | undefined;
}

export type SquawkAnswer =
  | { readonly outcome: 'answered'; readonly remarks: readonly SquawkRemark[] }
  | { readonly outcome: 'silent'; readonly reason: string };

export interface SquawkQuestion {
  readonly projectRoot: string;
  readonly migrationsDir: string;
  readonly migrations: readonly string[];
  /** Rules that are of no interest. */
  readonly exclude: readonly string[];
  readonly serverMajor: number | undefined;
  readonly signal: AbortSignal;
}

const GIVE_UP_MS = 10_000;

/** Windows takes command lines of 32,767 characters, Linux of two million; a name has at most 254. */
const FILES_AT_ONCE = process.platform === 'win32' ? 100 : 2000;

/** A second opinion that cannot be had stops nobody. A `.squawk.toml` of the project counts, as it does for Squawk itself. */
export async function askSquawk(question: SquawkQuestion): Promise<SquawkAnswer> {
  try {
    const binary = binaryOf(question.projectRoot);
    // Such a name needs no quoting and is no pattern, in which Squawk would look for wildcards.
    const names = question.migrations.filter((name) => migrationNameProblem(name) === undefined);
    const remarks: SquawkRemark[] = [];
    for (let at = 0; at < names.length; at += FILES_AT_ONCE) {
      remarks.push(...(await ask(binary, names.slice(at, at + FILES_AT_ONCE), question)));
    }
    return { outcome: 'answered', remarks };
  } catch (error) {
    if (question.signal.aborted) throw error;
    return { outcome: 'silent', reason: messageOf(error).split('\n', 1)[0] ?? '' };
  }
}

function binaryOf(projectRoot: string): string {
  const require = createRequire(join(projectRoot, 'package.json'));
  const { getBinaryPath } = require('squawk-cli/js/index.js') as { getBinaryPath(): string };
  return getBinaryPath();
}

async function ask(
  binary: string,
  names: readonly string[],
  { migrationsDir, exclude, serverMajor, signal }: SquawkQuestion,
): Promise<readonly SquawkRemark[]> {
  const args = [
    '--reporter=json',
    `--exclude=${exclude.join(',')}`,
    ...(serverMajor === undefined ? [] : [`--pg-version=${serverMajor}.0`]),
    ...names.map((name) => `${name}/migration.sql`),
  ];
  const child = spawn(binary, args, {
    cwd: migrationsDir,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(GIVE_UP_MS)]),
    env: {},
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  // Its exit code tells findings from none; that it could not work is told by its not answering in JSON.
  if (!said.stdout.startsWith('[')) throw new Error(said.stderr.trim() || 'it gave no answer');
  return (JSON.parse(said.stdout) as readonly RawRemark[]).map(remarkOf);
}

/** Its lines count from 0. */
interface RawRemark {
  readonly file: string;
  readonly line: number;
  readonly line_end: number;
  readonly message: string;
  readonly help: string | null;
  readonly rule_name: string;
}

const remarkOf = ({ file, line, line_end, rule_name, message, help }: RawRemark): SquawkRemark => ({
  migration: file.split('/')[0] ?? '',
  line: line + 1,
  lastLine: line_end + 1,
  rule: rule_name,
  message,
  help: help ?? undefined,
});
