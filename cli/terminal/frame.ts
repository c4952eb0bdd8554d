/** Draws the live part of the terminal and the permanent lines above it, as strings; nothing here writes. */

import type { Phase } from '../../lambda/domain/run';
import { PHASE_TITLES } from '../../lambda/report/phase-titles';
import { visible, visibleLine } from '../../lambda/report/visible';
import { bytesText, countText, durationText, pluralText } from '../../lambda/report/words';
import type { Look, Style } from './look';
import { isWorthKeeping, upcomingPhases, VERDICT_WORDS } from './phases';
import type {
  ApplicationView,
  FinalVerdict,
  Gauge,
  MigrationView,
  PhaseView,
  StatementGauge,
  StatementView,
  View,
} from './view';
import { cutTo, padBefore, padTo, widthOf, wrapTo } from './width';

export interface Canvas {
  readonly look: Look;
  readonly columns: number;
  readonly rows: number;
  /** Counts redraws: turns the spinner. */
  readonly tick: number;
  readonly now: number;
  readonly expected: readonly Phase[];
  /** What a request may wait at most; colours the worst one. */
  readonly maxBlockingMs: number;
}

const MARGIN = '  ';
const TITLE_COLUMNS = Math.max(...Object.values(PHASE_TITLES).map(widthOf));
const TIME_COLUMNS = 9;
/** Where the text after sign, title and time begins. */
const TEXT_COLUMN = MARGIN.length + 2 + TITLE_COLUMNS + 1 + TIME_COLUMNS + 2;
const CHILD_MARGIN = `${MARGIN}  `;
const BAR_COLUMNS = 32;

export function drawFrame(view: View, canvas: Canvas): string[] {
  const { current, application } = view;
  const head = current ? [phaseHead(current, canvas)] : [];
  const work = current ? [...statementLines(current, canvas), ...gaugeLines(current, canvas)] : [];
  const rest = [...upcomingLines(view, canvas), ...applicationLines(application, canvas)];
  const room = Math.max(0, canvas.rows - 1 - head.length - work.length - rest.length);
  const migrations = current ? migrationLines(current, canvas, room) : [];
  return [...head, ...migrations, ...work, ...rest];
}

/** What stays in the log when a phase is over. */
export function drawFinished(phase: PhaseView, canvas: Canvas): string[] {
  if (!isWorthKeeping(phase)) return [];
  const failures = phase.migrations.filter((migration) => migration.failure !== undefined);
  const children = phase.phase === 'Migrate' || phase.phase === 'RollBack' ? phase.migrations : failures;
  return [
    phaseHead(phase, canvas),
    ...messageTail(phase, canvas),
    ...children.flatMap((one) => migrationLine(withoutRepeating(one, phase.message), canvas)),
  ];
}

/** Where the phase's message gives the reason already, the migration does not say it again. */
const withoutRepeating = (migration: MigrationView, message: string | undefined): MigrationView =>
  migration.failure !== undefined && message?.includes(migration.failure.reason)
    ? { ...migration, failure: { ...migration.failure, reason: '' } }
    : migration;

function phaseHead(phase: PhaseView, canvas: Canvas): string {
  const { paint, signs } = canvas.look;
  const ended = phase.endedAt !== undefined;
  const sign = ended
    ? signOf(phase.verdict, canvas)
    : paint('cyan', signs.spinner[canvas.tick % signs.spinner.length] ?? '');
  const elapsed = durationText((phase.endedAt ?? canvas.now) - phase.startedAt);
  const title = padTo(PHASE_TITLES[phase.phase], TITLE_COLUMNS);
  const text = headTexts(phase, canvas)[0] ?? '';
  const room = canvas.columns - TEXT_COLUMN;
  const time = paint('dim', padBefore(elapsed, TIME_COLUMNS));
  const start = `${MARGIN}${sign} ${paint('bold', title)} ${time}`;
  return room < 8 || text === ''
    ? start
    : `${start}  ${colorOf(phase.verdict, ended, cutTo(text, room, signs.ellipsis), canvas)}`;
}

/** A long message of a phase that is over is not cut: it is what people came for. */
function messageTail(phase: PhaseView, canvas: Canvas): string[] {
  const texts = headTexts(phase, canvas);
  return texts
    .slice(1)
    .map(
      (text) =>
        `${' '.repeat(Math.min(TEXT_COLUMN, canvas.columns / 2))}${colorOf(phase.verdict, true, text, canvas)}`,
    );
}

function headTexts(phase: PhaseView, canvas: Canvas): string[] {
  const place = placeText(phase);
  const told = phase.message === undefined ? place : visible(phase.message);
  if (phase.endedAt === undefined)
    return [visibleLine(phase.waiting ? `waiting: ${told || 'not ready yet'}` : place || told)];
  const { verdict } = phase;
  const text =
    verdict === undefined || verdict === 'passed'
      ? told
      : `${VERDICT_WORDS[verdict]}${told ? `: ${told}` : ''}`;
  return wrapTo(text, Math.max(20, canvas.columns - TEXT_COLUMN));
}

function placeText(phase: PhaseView): string {
  const gauge = phase.gauges.find((one) => one.unit === 'migrations');
  const seen = phase.migrations.length;
  if (phase.endedAt !== undefined) return seen === 0 ? '' : pluralText(seen, 'migration');
  if (gauge) return `migration ${countText(Math.min(gauge.done + 1, gauge.total))}/${countText(gauge.total)}`;
  return seen === 0 ? '' : `migration ${seen}`;
}

function migrationLines(phase: PhaseView, canvas: Canvas, room: number): string[] {
  const lines = phase.migrations
    .filter((migration) => migration.name !== phase.statement?.migration)
    .flatMap((migration) => migrationLine(migration, canvas));
  if (lines.length <= room) return lines;
  const kept = Math.max(0, room - 1);
  const hidden = `${CHILD_MARGIN}${canvas.look.paint('dim', `${canvas.look.signs.ellipsis} ${lines.length - kept} more above`)}`;
  return kept === 0 ? [] : [hidden, ...lines.slice(-kept)];
}

function migrationLine(migration: MigrationView, canvas: Canvas): string[] {
  const { paint, signs } = canvas.look;
  const failed = migration.failure !== undefined;
  const facts = [
    failed
      ? `${migration.statements} of ${pluralText(migration.of, 'statement')}`
      : pluralText(migration.statements, 'statement'),
    durationText(migration.durationMs),
    ...(migration.retries > 0 ? [pluralText(migration.retries, 'retry', 'retries')] : []),
  ].join(` ${signs.dot} `);
  const room = canvas.columns - CHILD_MARGIN.length - 2;
  const name = visibleLine(migration.name);
  const line = [
    `${CHILD_MARGIN}${failed ? paint('red', signs.failed) : paint('green', signs.passed)} `,
    twoEnds(name, facts, Math.min(room, 90), canvas),
  ].join('');
  if (migration.failure === undefined) return [line];
  const { line: number, reason } = migration.failure;
  if (reason === '') return [line];
  const told = wrapTo(visible(`line ${number}: ${reason}`), Math.max(20, room - 2));
  return [line, ...told.map((text) => `${CHILD_MARGIN}    ${paint('red', text)}`)];
}

function statementLines(phase: PhaseView, canvas: Canvas): string[] {
  const { statement } = phase;
  if (!statement) return [];
  const { paint, signs } = canvas.look;
  const room = canvas.columns - CHILD_MARGIN.length - 2;
  const place = `statement ${statement.statement}/${statement.of}`;
  const running = durationText(canvas.now - statement.startedAt);
  const title = twoEnds(visibleLine(statement.migration), place, Math.min(room, 90), canvas);
  const sql = twoEnds(visibleLine(statement.sql), running, Math.min(room, 90), canvas);
  return [
    `${CHILD_MARGIN}${paint('cyan', signs.note)} ${title}`,
    `${CHILD_MARGIN}  ${sql}`,
    ...statementGaugeLines(statement, canvas),
    ...noteLines(statement, room, canvas),
    ...retryLines(statement, room, canvas),
  ];
}

function retryLines(statement: StatementView, room: number, canvas: Canvas): string[] {
  if (statement.retries === 0) return [];
  const reason = statement.message ? `: ${visibleLine(statement.message)}` : '';
  const text = `stepped back ${pluralText(statement.retries, 'time')} to let the application pass${reason}`;
  return [`${CHILD_MARGIN}  ${canvas.look.paint('yellow', cutTo(text, room, canvas.look.signs.ellipsis))}`];
}

function noteLines({ note }: StatementView, room: number, canvas: Canvas): string[] {
  if (note === undefined || note === '') return [];
  const text = cutTo(visibleLine(note), room, canvas.look.signs.ellipsis);
  return [`${CHILD_MARGIN}  ${canvas.look.paint('dim', text)}`];
}

function statementGaugeLines({ gauge }: StatementView, canvas: Canvas): string[] {
  if (gauge === undefined) return [];
  const { done, total, unit, rowsPerSecond, remainingMs } = gauge;
  const amount = [
    total > 0 ? amountText({ done, total, unit }) : `${countText(done)} ${unit}`,
    ...(rowsPerSecond === undefined ? [] : [`${countText(rowsPerSecond)} ${unit}/s`]),
    ...(remainingMs === undefined ? [] : [`${durationText(remainingMs)} left`]),
  ].join(` ${canvas.look.signs.dot} `);
  return total > 0 ? barLine(done / total, amount, canvas) : [`${CHILD_MARGIN}  ${amount}`];
}

function gaugeLines(phase: PhaseView, canvas: Canvas): string[] {
  const gauge = phase.gauges.findLast((one) => one.unit !== 'migrations');
  if (!gauge || gauge.total <= 0) return [];
  return barLine(gauge.done / gauge.total, amountText(gauge), canvas);
}

function barLine(ratio: number, amount: string, canvas: Canvas): string[] {
  const { paint, signs } = canvas.look;
  const share = Math.min(1, Math.max(0, ratio));
  const percent = padBefore(`${Math.floor(share * 100)} %`, 5);
  const room = canvas.columns - CHILD_MARGIN.length - 2 - widthOf(percent) - widthOf(amount) - 4;
  const length = Math.min(BAR_COLUMNS, room);
  if (length < 8) return [`${CHILD_MARGIN}  ${percent.trim()}`];
  const done = Math.round(share * length);
  const bar = paint('cyan', signs.barDone.repeat(done)) + paint('dim', signs.barRest.repeat(length - done));
  return [`${CHILD_MARGIN}  ${bar} ${percent}  ${paint('dim', amount)}`];
}

function amountText(gauge: Gauge | Pick<StatementGauge, 'done' | 'total' | 'unit'>): string {
  if (gauge.unit === 'bytes') return `${bytesText(gauge.done)} of ${bytesText(gauge.total)}`;
  return `${countText(gauge.done)} of ${countText(gauge.total)} ${gauge.unit}`;
}

function upcomingLines(view: View, canvas: Canvas): string[] {
  const { paint, signs } = canvas.look;
  const upcoming = upcomingPhases(view, canvas.expected);
  if (upcoming.length === 0) return [];
  const text = upcoming.map((phase) => `${signs.upcoming} ${PHASE_TITLES[phase]}`).join('  ');
  return [`${MARGIN}${paint('dim', cutTo(text, canvas.columns - MARGIN.length, signs.ellipsis))}`];
}

function applicationLines(application: ApplicationView | undefined, canvas: Canvas): string[] {
  if (!application) return [];
  const { paint, signs } = canvas.look;
  const worst = application.worstMs;
  const style: Style = worst <= canvas.maxBlockingMs ? 'green' : worst <= 1000 ? 'yellow' : 'red';
  const { errors } = application;
  const parts: readonly (readonly [string, Style])[] = [
    [`longest wait ${durationText(worst)}`, style],
    [`${countText(application.requestsPerSecond)} requests/s`, 'dim'],
    [errors === 0 ? 'no errors' : pluralText(errors, 'error'), errors === 0 ? 'green' : 'red'],
  ];
  const gap = ` ${signs.dot} `;
  const plain = `application  ${parts.map(([text]) => text).join(gap)}`;
  if (widthOf(plain) > canvas.columns - MARGIN.length) {
    return [
      '',
      `${MARGIN}${cutTo(plain.slice('application  '.length), canvas.columns - MARGIN.length, signs.ellipsis)}`,
    ];
  }
  const painted = parts.map(([text, one]) => paint(one, text)).join(paint('dim', gap));
  return ['', `${MARGIN}${paint('dim', 'application')}  ${painted}`];
}

/** Left text, right text, blanks between; the left one gives way. */
function twoEnds(left: string, right: string, columns: number, canvas: Canvas): string {
  const { paint, signs } = canvas.look;
  const room = columns - widthOf(right) - 2;
  if (room < 12) return cutTo(left, columns, signs.ellipsis);
  return `${padTo(cutTo(left, room, signs.ellipsis), room)}  ${paint('dim', right)}`;
}

const signOf = (verdict: FinalVerdict | undefined, { look: { paint, signs } }: Canvas): string =>
  verdict === 'passed'
    ? paint('green', signs.passed)
    : verdict === 'failed'
      ? paint('red', signs.failed)
      : verdict === 'blocked'
        ? paint('yellow', signs.blocked)
        : verdict === 'indeterminate'
          ? paint('magenta', signs.unknown)
          : paint('dim', signs.dot);

function colorOf(verdict: FinalVerdict | undefined, ended: boolean, text: string, { look }: Canvas): string {
  if (!ended || verdict === undefined || verdict === 'passed') return text;
  return look.paint(verdict === 'failed' ? 'red' : verdict === 'blocked' ? 'yellow' : 'magenta', text);
}
