/** What every benchmark answers, and how a command is timed from outside. */
import { spawn } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

export interface BenchResult {
  readonly case: string;
  readonly runner: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: 'ms';
  /** What the value must stay under. */
  readonly limit?: number;
}

export interface BenchReport {
  readonly bench: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly results: readonly BenchResult[];
  /** Cases beyond their limit, in words. */
  readonly fallsShort: readonly string[];
}

export const thisMachine = (): BenchReport['machine'] => ({
  cores: cpus().length,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
});

export const reportOf = (bench: string, results: readonly BenchResult[]): BenchReport => ({
  bench,
  machine: thisMachine(),
  results,
  fallsShort: results
    .filter((result) => result.limit !== undefined && result.value > result.limit)
    .map(
      (result) =>
        `${result.case}: ${Math.round(result.value)} ${result.unit}, limit ${result.limit} ${result.unit}`,
    ),
});

export interface TimedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly expectedExit?: number;
}

/** Wall time of a whole process, from its start to its end. */
export async function time({ command, args, cwd, signal, expectedExit = 0 }: TimedCommand): Promise<number> {
  const began = performance.now();
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], signal });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (exitCode !== expectedExit)
    throw new Error(`${[command, ...args].join(' ')} ended with ${exitCode}: ${lastWords}`);
  return performance.now() - began;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
