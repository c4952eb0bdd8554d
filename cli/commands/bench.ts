/** `bench`: benchmarks for people as a table, for programs as one line of JSON. */
import type { BenchReport } from '../../bench/measure';
import { type BenchOptions, benchStartup } from '../../bench/startup';
import { UsageError } from '../../lambda/domain/errors';
import type { CommandContext } from '../command';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchReport>>> = {
  startup: benchStartup,
};

export async function benchCommand(
  context: CommandContext,
  [name]: readonly string[],
  raw: { quick?: boolean },
): Promise<number> {
  const names = name === undefined ? Object.keys(BENCHES) : [name];
  let fallsShort = false;
  for (const wanted of names) {
    const bench = BENCHES[wanted];
    if (!bench)
      throw new UsageError(`There is no benchmark "${wanted}". There is ${Object.keys(BENCHES).join(', ')}.`);
    const report = await bench({
      projectRoot: context.invocation.projectRoot,
      // All of them at once, as nobody named one: quick.
      quick: raw.quick ?? name === undefined,
      signal: context.signal,
      tell: (message) => context.terminal.note(message),
    });
    fallsShort ||= report.fallsShort.length > 0;
    context.terminal.summary(...tableOf(report));
    if (context.options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  return fallsShort ? 1 : 0;
}

const tableOf = (report: BenchReport): readonly string[] => [
  `${report.bench} on ${Object.entries(report.machine)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')}`,
  ...report.results.map(
    (result) =>
      `  ${result.case.padEnd(24)} ${String(result.value).padStart(8)} ${result.unit}${result.limit === undefined ? '' : `   limit ${result.limit}`}`,
  ),
  report.fallsShort.length === 0
    ? 'Every case is within its limit.'
    : `Falls short: ${report.fallsShort.join('; ')}`,
];
