/** What every benchmark answers, and how a command is timed from outside. */
import { spawn } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

export interface BenchResult {
  readonly case: string;
  readonly runner: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: Unit;
  /** What the value must not exceed; with `limitIs: 'least'`, what it must not stay below. */
  readonly limit?: number;
  readonly limitIs?: 'least';
}

/** `x`: a ratio. */
export type Unit = 'ms' | 's' | 'MB' | 'MB/s' | 'rows/s' | 'x' | 'count';

export interface BenchReport {
  readonly bench: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly results: readonly BenchResult[];
  /** Cases beyond their limit, in words. */
  readonly fallsShort: readonly string[];
}

/** What a benchmark answers to the command line. */
export interface BenchAnswer extends BenchReport {
  /** For people, where a line for every result would not be read. */
  readonly table?: readonly string[];
}

export interface BenchOptions {
  readonly projectRoot: string;
  readonly quick: boolean;
  readonly signal: AbortSignal;
  tell(message: string): void;
}

export const thisMachine = (): BenchReport['machine'] => ({
  cores: cpus().length,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
});

/** @param faults what no limit expresses, in words */
export const reportOf = (
  bench: string,
  results: readonly BenchResult[],
  faults: readonly string[] = [],
): BenchReport => ({
  bench,
  machine: thisMachine(),
  results,
  fallsShort: [...results.filter(fallsShort).map(shortfallOf), ...faults],
});

export const fallsShort = ({ value, limit, limitIs }: BenchResult): boolean => {
  if (limit === undefined) return false;
  // What could not be measured did not pass.
  return !(limitIs === 'least' ? value >= limit : value <= limit);
};

const shortfallOf = (result: BenchResult): string =>
  `${result.case}, ${result.runner}, ${result.metric}: ${shown(result.value, result.unit)}, ${limitOf(result)}`;

export const limitOf = ({ limit, limitIs, unit }: BenchResult): string =>
  limit === undefined ? '' : `${limitIs === 'least' ? 'at least' : 'limit'} ${shown(limit, unit)}`;

export const shown = (value: number, unit: Unit): string =>
  unit === 'count' ? String(value) : `${rounded(value)} ${unit}`;

const rounded = (value: number): number =>
  Math.abs(value) < 100 ? Math.round(value * 100) / 100 : Math.round(value);

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
