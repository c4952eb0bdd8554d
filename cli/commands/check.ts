/** `check`: tells what migrations would do, before anything is changed; with a database, sized by its tables. */
import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type LintFinding, lint } from '../../lambda/checks/lint';
import { readScript } from '../../lambda/checks/rules/read-script';
import { UsageError } from '../../lambda/domain/errors';
import type { Migration } from '../../lambda/domain/migration';
import { type CheckReport, exitCodeOf, type FailOn, FORMATS, type Format, totalsOf } from '../check/report';
import { seekOpinion, withoutRepetition } from '../check/second-opinion';
import { findSubject } from '../check/subject';
import type { CommandContext } from '../command';
import { jsonLine } from '../terminal/json';

export interface CheckOptions {
  readonly format?: string;
  readonly failOn?: string;
}

export async function checkCommand(
  context: CommandContext,
  wanted: readonly string[],
  raw: CheckOptions,
): Promise<number> {
  const format = formatOf(raw, context.options);
  const failOn = oneOf('--fail-on', raw.failOn ?? 'error', ['error', 'warning']);
  const subject = await findSubject(context, wanted);
  const { chosen } = subject;
  const [{ opinions, silence }] = await Promise.all([
    seekOpinion(context, chosen, subject.serverMajor),
    parseMeanwhile(chosen),
  ]);
  const { findings, allowed, statements } = await lint({ ...subject.request, opinions });
  const names = new Set(chosen.map(({ name }) => name));
  const isChosen = ({ migration }: LintFinding): boolean => migration === undefined || names.has(migration);
  const report: CheckReport = {
    findings: withoutRepetition(findings.filter(isChosen), allowed),
    allowed: allowed.filter(isChosen),
    migrations: chosen.map((migration) => ({
      name: migration.name,
      file: fileIn(context, migration),
      sql: migration.sql,
    })),
    statements,
    scope:
      silence === undefined ? subject.scope : `${subject.scope} Squawk gave no second opinion: ${silence}`,
  };
  const exitCode = exitCodeOf(report, failOn);
  await tell(context, { report, format, exitCode, failOn });
  return exitCode;
}

/** What is parsed lately need not be parsed again, and Squawk is a process of its own. */
async function parseMeanwhile(migrations: readonly Migration[]): Promise<void> {
  for (const { sql } of migrations) await readScript(sql);
}

function formatOf({ format }: CheckOptions, { json }: { readonly json: boolean }): Format {
  if (format === undefined) return json ? 'json' : 'tty';
  const chosen = oneOf('--format', format, FORMATS);
  if (json && chosen !== 'json') {
    throw new UsageError(`--json and --format ${chosen} exclude each other. Use one of them.`);
  }
  return chosen;
}

function oneOf<const T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (!found) throw new UsageError(`${option} cannot be "${value}". Use ${allowed.join(', ')}.`);
  return found;
}

/** As annotations want it: from the folder that the command runs in. */
const fileIn = ({ options, invocation }: CommandContext, { name }: Migration): string =>
  relative(invocation.cwd, join(options.prismaDir, 'migrations', name, 'migration.sql'))
    .split(sep)
    .join('/');

interface Told {
  readonly report: CheckReport;
  readonly format: Format;
  readonly exitCode: number;
  readonly failOn: FailOn;
}

async function tell(context: CommandContext, { report, format, exitCode, failOn }: Told): Promise<void> {
  const { findings, allowed, migrations, statements, scope } = report;
  const result = {
    status: migrations.length === 0 ? 'nothing-to-do' : exitCode === 0 ? 'succeeded' : 'blocked',
    findings,
    allowed,
    migrations: migrations.map(({ name }) => name),
    statements,
    scope,
    failOn,
    exitCode,
  };
  switch (format) {
    case 'tty': {
      const { linesFor } = await import('../check/tty');
      if (context.options.level !== 'quiet') context.terminal.summary(...linesFor(report));
      return context.finish({ ...result, reason: totalsOf(report) });
    }
    case 'json':
      if (context.options.json) return context.finish(result);
      return write(`${jsonLine({ type: 'result', command: 'check', ...result })}\n`);
    case 'markdown':
      return write((await import('../check/markdown')).markdownFor(report));
    case 'github':
      return write((await import('../check/github')).githubFor(report));
    case 'sarif':
      return write((await import('../check/sarif')).sarifFor(report, versionOf(context)));
  }
}

const write = (text: string): void => {
  process.stdout.write(text);
};

function versionOf({ invocation }: CommandContext): string {
  const manifest = readFileSync(join(invocation.projectRoot, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
