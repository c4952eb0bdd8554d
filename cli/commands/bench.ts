/** `bench`: benchmarks for people as a table, for programs as one line of JSON. */
import { benchChecks } from '../../bench/checks';
import { type BenchAnswer, type BenchOptions, type BenchReport, limitOf, shown } from '../../bench/measure';
import { benchRecovery } from '../../bench/recovery';
import { benchRewrites } from '../../bench/rewrites';
import { benchStall } from '../../bench/stall';
import { benchStartup } from '../../bench/startup';
import { UsageError } from '../../lambda/domain/errors';
import type { CommandContext } from '../command';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchAnswer>>> = {
  stall: benchStall,
  rewrites: benchRewrites,
  recovery: benchRecovery,
  startup: benchStartup,
  checks: benchChecks,
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
    const { table, ...report } = await bench({
      projectRoot: context.invocation.projectRoot,
      // All of them at once, as nobody named one: quick.
      quick: raw.quick ?? name === undefined,
      signal: context.signal,
      tell: (message) => context.terminal.note(message),
    });
    fallsShort ||= report.fallsShort.length > 0;
    context.terminal.summary(headOf(report), ...(table ?? tableOf(report)), verdictOf(report));
    if (context.options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  return fallsShort ? 1 : 0;
}

const headOf = ({ bench, machine }: BenchReport): string =>
  `${bench} on ${Object.entries(machine)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')}`;

const tableOf = ({ results }: BenchReport): readonly string[] =>
  results.map((result) =>
    `  ${result.case.padEnd(24)} ${shown(result.value, result.unit).padStart(12)}   ${limitOf(result)}`.trimEnd(),
  );

const verdictOf = ({ fallsShort }: BenchReport): string =>
  fallsShort.length === 0 ? 'Every case is within its limit.' : `Falls short: ${fallsShort.join('; ')}`;
