/** The last words of a command: how it ended, and what that means for the database. */
import type { Estimate } from '../../lambda/domain/estimate';
import type { RunStatus } from '../../lambda/domain/run';
import { durationText, pluralText } from '../../lambda/report/words';
import type { Line, Signs, Style } from './look';
import type { ApplicationView } from './view';

/** What a command ends with; its last line under `--json`, after `"type":"result"`. */
export interface CommandResult {
  readonly command: string;
  readonly status?: string;
  readonly [field: string]: unknown;
}

interface Ending {
  readonly sign: 'passed' | 'failed' | 'blocked' | 'unknown';
  readonly style: Style;
  readonly title: string;
  readonly meaning: string;
}

const ENDINGS: Readonly<Record<RunStatus, Ending>> = {
  succeeded: { sign: 'passed', style: 'green', title: 'Succeeded', meaning: '' },
  'nothing-to-do': {
    sign: 'passed',
    style: 'green',
    title: 'Nothing to do',
    meaning: 'no migration is pending',
  },
  blocked: { sign: 'blocked', style: 'yellow', title: 'Blocked', meaning: 'nothing was changed' },
  'rolled-back': {
    sign: 'failed',
    style: 'yellow',
    title: 'Rolled back',
    meaning: 'the database is as it was',
  },
  restored: {
    sign: 'failed',
    style: 'yellow',
    title: 'Restored',
    meaning: 'the database is as it was at the restore point',
  },
  held: { sign: 'failed', style: 'red', title: 'Held', meaning: 'writes are fenced, a person must decide' },
  aborted: { sign: 'failed', style: 'yellow', title: 'Aborted', meaning: 'stopped by a person' },
  failed: {
    sign: 'unknown',
    style: 'red',
    title: 'Failed',
    meaning: 'it could not be established what state the database is in',
  },
};

const isRunStatus = (status: string | undefined): status is RunStatus =>
  status !== undefined && status in ENDINGS;

/** No lines where the result has no status of a run: then the command says what it has to say by itself. */
export function closingLines(
  result: CommandResult,
  signs: Signs,
  application: ApplicationView | undefined,
): Line[] {
  if (!isRunStatus(result.status)) return [];
  const ending = ENDINGS[result.status];
  const time = typeof result.durationMs === 'number' ? ` in ${durationText(result.durationMs)}` : '';
  const meaning = typeof result.reason === 'string' ? result.reason : ending.meaning;
  const head: Line = [
    '  ',
    { text: signs[ending.sign], style: ending.style },
    ' ',
    { text: ending.title, style: 'bold' },
    `${time}${meaning === '' ? '' : `: ${meaning}`}`,
  ];
  return ['', head, ...factLines(result, application)];
}

function factLines(result: CommandResult, application: ApplicationView | undefined): Line[] {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['applied', namesText(result.applied)],
    ['rolled back', namesText(result.rolledBack)],
    [
      'longest block',
      typeof result.worstBlockingMs === 'number' ? durationText(result.worstBlockingMs) : undefined,
    ],
    ['foretold', isEstimate(result.estimate) ? foretoldText(result.estimate) : undefined],
    ['application', application && applicationText(application)],
    ['report', typeof result.report === 'string' ? result.report : undefined],
  ];
  return facts.flatMap(([label, text]): Line[] =>
    text === undefined ? [] : [['    ', { text: label.padEnd(14), style: 'dim' }, text]],
  );
}

const isEstimate = (value: unknown): value is Estimate =>
  typeof value === 'object' && value !== null && 'duration' in value;

const foretoldText = ({ duration, blocking }: Estimate): string =>
  `${durationText(duration.likelyMs)} in production (${durationText(duration.lowMs)} to ${durationText(duration.highMs)}), ` +
  `blocks for ${durationText(blocking.likelyMs)} at most`;

const applicationText = ({ worstMs, errors }: ApplicationView): string =>
  `longest wait ${durationText(worstMs)}, ${errors === 0 ? 'no errors' : pluralText(errors, 'error')}`;

function namesText(names: unknown): string | undefined {
  if (!Array.isArray(names) || names.length === 0) return undefined;
  const last = String(names.at(-1));
  return names.length === 1 ? last : `${pluralText(names.length, 'migration')}, the last ${last}`;
}
