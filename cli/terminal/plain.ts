/** One line per event worth reading, for pipes and CI: no cursor movements, nothing is taken back. */
import { PHASE_OF, type Phase } from '../../lambda/domain/run';
import type { ProgressEvent, StatementProgress, StepProgress } from '../../lambda/domain/step';
import { PHASE_TITLES } from '../../lambda/report/phase-titles';
import { visibleLine } from '../../lambda/report/visible';
import { bytesText, countText, durationText, pluralText } from '../../lambda/report/words';
import { isQuiet, isWorthKeeping, VERDICT_WORDS } from './phases';
import { type Advance, type ApplicationView, isFinal, type PhaseView } from './view';
import { cutTo } from './width';

export type Level = 'quiet' | 'normal' | 'verbose';

const REPEAT_AFTER_MS = 10_000;
const SQL_COLUMNS = 100;
/** A migration of a hundred quick statements would bury what matters. */
const WORTH_A_LINE_MS = 500;
/** Elsewhere a statement is worth a line only when it fails: the report has them all. */
const TELLS_STATEMENTS: ReadonlySet<Phase> = new Set<Phase>(['Migrate', 'RollBack']);

/** Decides which events are worth a line; remembers what was said when. */
export class PlainLines {
  readonly #level: Level;
  readonly #enteredAt = new Map<string, number>();
  #phase: Phase | undefined;
  #spokeAt = 0;

  constructor(level: Level) {
    this.#level = level;
  }

  linesFor(event: ProgressEvent, { finished }: Advance, now: number): string[] {
    if (this.#level === 'quiet') return [];
    const said =
      this.#level === 'verbose' ? this.#everything(event, now) : this.#worthReading(event, finished, now);
    return said.map((words) => `${clockText(now)} ${words}`);
  }

  #everything(event: ProgressEvent, now: number): string[] {
    if (event.type === 'statement') return [statementText(event, event.sql)];
    const title = PHASE_TITLES[PHASE_OF[event.step]];
    const name = title === event.step ? title : `${title} (${event.step})`;
    if (event.status === 'entered') {
      // A step that waits is entered again and again; it began once.
      const began = this.#enteredAt.has(event.step);
      if (!began) this.#enteredAt.set(event.step, now);
      return began ? [] : [`${name} started${messageText(event)}`];
    }
    if (!isFinal(event.status)) return [ongoingText(name, event)];
    const since = this.#enteredAt.get(event.step) ?? now;
    this.#enteredAt.delete(event.step);
    return [`${name} ${VERDICT_WORDS[event.status]} in ${durationText(now - since)}${messageText(event)}`];
  }

  #worthReading(event: ProgressEvent, finished: readonly PhaseView[], now: number): string[] {
    const phase = PHASE_OF[event.step];
    const ended = finished.filter(isWorthKeeping).map(finishedText);
    const endsNow = finished.some((one) => one.phase === phase);
    const begins = this.#phase !== phase && !isQuiet(phase);
    const said = [...ended.slice(0, endsNow ? -1 : undefined)];
    if (begins) said.push(`${PHASE_TITLES[phase]} started`);
    if (begins) this.#spokeAt = now;
    this.#phase = endsNow ? undefined : phase;
    if (event.type === 'statement') return [...said, ...this.#statement(event, now)];
    if (endsNow) return [...said, ...ended.slice(-1)];
    return [...said, ...this.#ongoing(event, now)];
  }

  #ongoing(event: StepProgress, now: number): string[] {
    if (event.status !== 'progress' && event.status !== 'waiting') return [];
    if (now - this.#spokeAt < REPEAT_AFTER_MS) return [];
    this.#spokeAt = now;
    return [ongoingText(PHASE_TITLES[PHASE_OF[event.step]], event)];
  }

  #statement(event: StatementProgress, now: number): string[] {
    if (event.status === 'progress' || event.status === 'waiting') return this.#ongoingStatement(event, now);
    const isLong = event.status === 'finished' && (event.durationMs ?? 0) >= WORTH_A_LINE_MS;
    const told = TELLS_STATEMENTS.has(PHASE_OF[event.step])
      ? isLong || event.status === 'retrying' || event.status === 'failed'
      : event.status === 'failed';
    return told ? [statementText(event, cutTo(visibleLine(event.sql), SQL_COLUMNS))] : [];
  }

  #ongoingStatement(event: StatementProgress, now: number): string[] {
    if (now - this.#spokeAt < REPEAT_AFTER_MS) return [];
    this.#spokeAt = now;
    return [statementText(event, cutTo(visibleLine(event.sql), SQL_COLUMNS))];
  }
}

export const applicationLine = (application: ApplicationView, now: number): string =>
  `${clockText(now)} Application: longest wait ${durationText(application.worstMs)}, ` +
  `${countText(application.requestsPerSecond)} requests/s, ${pluralText(application.errors, 'error')}`;

const clockText = (now: number): string => `${new Date(now).toISOString().slice(11, 19)}Z`;

const messageText = ({ message }: { readonly message?: string | undefined }): string =>
  message === undefined || message === '' ? '' : `: ${visibleLine(message)}`;

const ongoingText = (name: string, event: StepProgress): string =>
  `${name} ${event.status === 'waiting' ? 'waits' : 'goes on'}${messageText(event)}${amountText(event)}`;

function finishedText(phase: PhaseView): string {
  const word = phase.verdict === undefined ? 'left' : VERDICT_WORDS[phase.verdict];
  const time = durationText((phase.endedAt ?? phase.startedAt) - phase.startedAt);
  return `${PHASE_TITLES[phase.phase]} ${word} in ${time}${messageText(phase)}`;
}

const STATUS_WORDS: Readonly<Partial<Record<StatementProgress['status'], string>>> = {
  progress: 'goes on',
  waiting: 'waits',
};

function statementText(event: StatementProgress, sql: string): string {
  const time = event.durationMs === undefined ? '' : ` in ${durationText(event.durationMs)}`;
  const place = `${visibleLine(event.migration)}:${event.line} (${event.statement}/${event.of})`;
  const status = STATUS_WORDS[event.status] ?? event.status;
  return `${PHASE_TITLES[PHASE_OF[event.step]]} ${place} ${status}${time}${messageText(event)}${advanceText(event)}  ${visibleLine(sql)}`;
}

function advanceText({ status, done, total, unit, rowsPerSecond, remainingMs }: StatementProgress): string {
  if (status !== 'progress' || done === undefined || unit === undefined) return '';
  const parts = [
    total === undefined ? `${countText(done)} ${unit}` : `${countText(done)} of ${countText(total)} ${unit}`,
    ...(rowsPerSecond === undefined ? [] : [`${countText(rowsPerSecond)} ${unit}/s`]),
    ...(remainingMs === undefined ? [] : [`${durationText(remainingMs)} left`]),
  ];
  return ` (${parts.join(', ')})`;
}

function amountText({ done, total, unit }: StepProgress): string {
  if (done === undefined || total === undefined || unit === undefined) return '';
  if (unit === 'bytes') return ` (${bytesText(done)} of ${bytesText(total)})`;
  return ` (${countText(done)} of ${countText(total)} ${unit})`;
}
