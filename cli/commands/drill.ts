/** `drill`: a restore into a throw-away instance, measured and proven; the serving database is only read. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import {
  DEFAULT_DRILL_TARGETS,
  type DrillInput,
  type DrillRecord,
  type DrillTargets,
  type DrillVerdict,
  drillInstanceOf,
  judge,
  newDrillId,
  phasesOf,
} from '../../lambda/domain/drill';
import { messageOf, UsageError } from '../../lambda/domain/errors';
import { DRILL_PHASES } from '../../lambda/report/drill';
import { durationText, pluralText } from '../../lambda/report/words';
import { drillSteps, noteAbort } from '../../lambda/steps/drill';
import { drillReportKey, latestDrill, readRecord } from '../../lambda/steps/drill-book';
import type { DrillContext } from '../../lambda/steps/drill-step';
import type { CommandContext } from '../command';
import { stepContext } from '../home';
import { knownInvariants, recoveryOf, refuseUnknown, takeRestorePoint } from './recovery';

interface RawDrillOptions {
  readonly restorePoint?: string;
  readonly rpo?: string;
  readonly rto?: string;
  readonly last?: boolean;
}

/** Phases are as long as they are seen to be. */
const POLL_MS = 20;

export async function drillCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: RawDrillOptions,
): Promise<number> {
  const targets: DrillTargets = {
    rpoMs: seconds('--rpo', raw.rpo) ?? DEFAULT_DRILL_TARGETS.rpoMs,
    rtoMs: seconds('--rto', raw.rto) ?? DEFAULT_DRILL_TARGETS.rtoMs,
  };
  // When nothing is left but the reports, they tell what to count on.
  if (raw.last) return showLast(context);
  const { home, recovery } = await recoveryOf(context);
  if (raw.restorePoint !== undefined) await refuseUnknown(recovery, raw.restorePoint);
  const { store, metrics, clock, notifier, signal } = stepContext(context, home);
  const invariants = await knownInvariants(context);
  const drill: DrillContext = {
    ...{ store, metrics, clock, notifier, signal, recovery, invariants },
    database: home.label,
    takeRestorePoint: async (name) => {
      context.terminal.note('There is no restore point yet: the drill takes one first.');
      await takeRestorePoint(context, home, { name, invariants });
    },
    tell: teller(context),
  };
  const drillId = newDrillId(clock.now(), randomBytes(2).toString('hex'));
  const input = {
    drillId,
    targets,
    ...(raw.restorePoint === undefined ? {} : { restorePoint: raw.restorePoint }),
  };
  return conclude(context, await carryOut(drill, input));
}

/** Whatever happens on the way, the instance is discarded and the report written. */
async function carryOut(drill: DrillContext, input: DrillInput & { drillId: string }): Promise<DrillRecord> {
  const { signal, clock, store } = drill;
  let error: DrillInput['error'];
  try {
    let { verdict } = await drillSteps.BeginDrill(drill, input);
    while (verdict === 'waiting') {
      await clock.sleep(POLL_MS, signal);
      ({ verdict } = await drillSteps.InspectDrill(drill, input));
    }
    if (verdict === 'passed') await drillSteps.ProveDrill(drill, input);
  } catch (failure) {
    if (signal.aborted) await noteAbort(store, input.drillId);
    else error = { Error: nameOf(failure), Cause: messageOf(failure) };
  }
  try {
    await drillSteps.DiscardDrill(drill, withError(input, error));
    error = undefined;
  } catch (failure) {
    error = {
      Error: nameOf(failure),
      Cause: `${drillInstanceOf(input.drillId)} could not be discarded: ${messageOf(failure)}`,
    };
  }
  await drillSteps.ReportDrill(drill, withError(input, error));
  signal.throwIfAborted();
  return readRecord(store, input.drillId);
}

const nameOf = (failure: unknown): string => (failure instanceof Error ? failure.name : 'Error');

const withError = (input: DrillInput, error: DrillInput['error']): DrillInput =>
  error === undefined ? input : { ...input, error };

/** Programs are told everything, once; people, where something else has begun. */
function teller({ terminal }: CommandContext): DrillContext['tell'] {
  let last = '';
  return (step, status, message) => {
    const said = `${step} ${status} ${message}`;
    if (said === last) return;
    last = said;
    terminal.tellPrograms({ type: 'step', step, status, message });
    const isWorthALine = status === 'progress' && !/^reading .* of /.test(message);
    if (isWorthALine) terminal.note(`${message[0]?.toUpperCase()}${message.slice(1)}`);
  };
}

function conclude(context: CommandContext, record: DrillRecord): number {
  const verdict = judge(record);
  const { outcome, verified, rpoMs, rtoMs, reasons } = verdict;
  const report = join(context.options.dataDir, drillReportKey(record.drillId, 'html'));
  context.terminal.summary('', ...summaryOf(record, verdict));
  const result = {
    drillId: record.drillId,
    outcome,
    verified,
    ...(rpoMs === undefined ? {} : { rpoMs }),
    ...(rtoMs === undefined ? {} : { rtoMs }),
    phases: phasesOf(record.marks),
    ...(record.restorePoint === undefined ? {} : { restorePoint: record.restorePoint.name }),
    checks: record.checks,
    report,
  };
  if (outcome === 'passed') {
    context.finish({ status: 'succeeded', reason: 'the recovery is proven, within its targets', ...result });
    return 0;
  }
  context.terminal.summary('', `Drill ${outcome}: ${reasons.join('; ')}.`, `Report: ${report}`);
  context.finish({ ...result, reasons });
  return 1;
}

function summaryOf(record: DrillRecord, { rpoMs, rtoMs }: DrillVerdict): readonly string[] {
  const { targets, restorePoint, tables, checks } = record;
  const phases = phasesOf(record.marks).map(
    ({ phase, durationMs }) => `${DRILL_PHASES[phase].toLowerCase()} ${durationText(durationMs)}`,
  );
  const measured = (value: number | undefined, target: number): string =>
    `${value === undefined ? 'unknown' : durationText(value)}, target ${durationText(target)}`;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    ...(restorePoint ? [`restore point  ${restorePoint.name}, of ${restorePoint.at}`] : []),
    `RPO            ${measured(rpoMs, targets.rpoMs)}`,
    `RTO            ${measured(rtoMs, targets.rtoMs)}${phases.length > 0 ? `: ${phases.join(', ')}` : ''}`,
    ...(tables.length > 0
      ? [`read           ${pluralText(rows, 'row')} of ${pluralText(tables.length, 'table')}`]
      : []),
    ...checks.map(({ name, verdict, evidence }) => `${verdict.padEnd(13)}  ${name}: ${evidence}`),
  ];
}

async function showLast(context: CommandContext): Promise<number> {
  const store = new FileObjectStore(context.options.dataDir);
  const latest = await latestDrill(store);
  if (latest === undefined) throw new UsageError('There was no drill yet. Begin one: godwit drill');
  const { verdict } = await readRecord(store, latest.drillId);
  const report = join(context.options.dataDir, drillReportKey(latest.drillId, 'html'));
  context.terminal.summary(`Drill ${latest.drillId}, ended ${latest.at}: ${verdict?.outcome}.`, report);
  context.finish({ ...latest, ...verdict, report });
  return 0;
}

const LONGEST_TARGET_S = 7 * 24 * 3600;

function seconds(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0) || number > LONGEST_TARGET_S) {
    throw new UsageError(`${option} cannot be "${value}". Use seconds, from above 0 to ${LONGEST_TARGET_S}.`);
  }
  return number * 1000;
}
