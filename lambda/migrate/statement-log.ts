/** Follows the statements of one file: tells what happens to each, and keeps the timings of those that took effect. */
import type { StatementTiming } from '../domain/run';
import type { Clock } from '../ports/clock';
import type { ParsedScript, SqlStatement } from '../sql/parse';
import { withoutSecrets } from '../sql/secrets';
import { shorten } from '../sql/summary';
import type { ObservedEffects } from './observe/statement-observer';
import type { StatementEvent } from './outcome';

const SHOWN_CHARACTERS = 200;

const shownText = (statement: SqlStatement): string => shorten(withoutSecrets(statement), SHOWN_CHARACTERS);

export type StatementAdvance = Pick<
  StatementEvent,
  'done' | 'total' | 'unit' | 'rowsPerSecond' | 'remainingMs' | 'message'
>;

interface Track {
  attempts: number;
  startedAt: number;
  waitedMs: number;
  /** Of the file, when it was started. */
  lookedBeforeMs: number;
  effects?: ObservedEffects;
  heldMs?: number;
}

export class StatementLog {
  readonly #file: { readonly migration: string; readonly script: ParsedScript };
  readonly #clock: Clock;
  readonly #tell: (event: StatementEvent) => void;
  readonly #tracks = new Map<number, Track>();
  #timings: StatementTiming[] = [];
  #lookedMs = 0;

  constructor(
    file: { readonly migration: string; readonly script: ParsedScript },
    clock: Clock,
    tell: (event: StatementEvent) => void,
  ) {
    this.#file = file;
    this.#clock = clock;
    this.#tell = tell;
  }

  get timings(): readonly StatementTiming[] {
    return this.#timings;
  }

  started(index: number): void {
    const track = this.#track(index);
    track.attempts += 1;
    track.startedAt = this.#now();
    track.lookedBeforeMs = this.#lookedMs;
    this.#event(index, 'started', { attempts: track.attempts, waitedMs: track.waitedMs });
  }

  retrying(index: number, message: string): void {
    this.#event(index, 'retrying', { ...this.#measures(index), message });
  }

  /** While it runs. */
  progressed(index: number, progress: StatementAdvance): void {
    this.#event(index, 'progress', { ...this.#measures(index), ...progress });
  }

  /** A part of it will be tried again; the statement as a whole goes on. */
  steppedBack(index: number, message: string): void {
    this.#track(index).attempts += 1;
    this.#event(index, 'retrying', { ...this.#measures(index), message });
  }

  /** Before an attempt: others hold what it needs. */
  waiting(index: number, message: string): void {
    this.#event(index, 'waiting', { message });
  }

  /** It was waited so long before an attempt. */
  heldUp(index: number, ms: number): void {
    this.#track(index).waitedMs += ms;
  }

  /** The pause before another attempt is over. */
  waited(index: number): void {
    const track = this.#track(index);
    track.waitedMs += this.#now() - track.startedAt;
  }

  observed(index: number, effects: ObservedEffects): void {
    this.#track(index).effects = effects;
  }

  /** Looking took so long, and is no part of what any statement took. */
  looked(ms: number): void {
    this.#lookedMs += ms;
  }

  /** Of a finished statement, what is known only after it. */
  addTo(index: number, more: Pick<StatementTiming, 'locks' | 'rewrites' | 'cost' | 'unforeseen'>): void {
    this.#timings = this.#timings.map((timing) =>
      timing.statement === index + 1 ? { ...timing, ...more } : timing,
    );
  }

  /** One of several transactions of the statement is over: its locks were held for the longest of them. */
  heldLocks(index: number, ms: number): void {
    const track = this.#track(index);
    track.heldMs = Math.max(track.heldMs ?? 0, ms);
  }

  finished(index: number): void {
    const statement = this.#file.script.statements[index];
    if (statement === undefined) return;
    const measures = this.#measures(index);
    this.#timings.push({
      migration: this.#file.migration,
      statement: index + 1,
      line: statement.line,
      sql: shownText(statement),
      ...measures,
      ...this.#effects(index),
    });
    this.#event(index, 'finished', measures);
  }

  /** Locks are held until COMMIT: only now is it known for how long. */
  committed(): void {
    this.#timings = this.#timings.map((timing) => ({ ...timing, ...this.#effects(timing.statement - 1) }));
  }

  skipped(index: number, message: string): void {
    this.#event(index, 'skipped', { message });
  }

  failed(index: number, message: string): void {
    this.#event(index, 'failed', { ...this.#measures(index), message });
  }

  /** The transaction around the statements was rolled back: none of them took effect. */
  rolledBack(): void {
    this.#timings = [];
  }

  #measures(index: number): { durationMs: number; attempts: number; waitedMs: number } {
    const { attempts, waitedMs } = this.#track(index);
    return { durationMs: this.#sinceStart(index), attempts, waitedMs };
  }

  #effects(index: number): Pick<StatementTiming, 'locks' | 'rewrites' | 'cost' | 'unforeseen'> {
    const { effects, heldMs = this.#sinceStart(index) } = this.#track(index);
    if (effects === undefined) return {};
    return { ...effects, locks: effects.locks.map((lock) => ({ ...lock, heldMs })) };
  }

  #sinceStart(index: number): number {
    const { startedAt, lookedBeforeMs } = this.#track(index);
    return Math.max(0, Math.round(this.#now() - startedAt - (this.#lookedMs - lookedBeforeMs)));
  }

  #event(index: number, status: StatementEvent['status'], more: Partial<StatementEvent>): void {
    const { statements } = this.#file.script;
    const statement = statements[index];
    this.#tell({
      migration: this.#file.migration,
      statement: index + 1,
      of: statements.length,
      line: statement?.line ?? 1,
      sql: statement === undefined ? '' : shownText(statement),
      status,
      ...more,
    });
  }

  #track(index: number): Track {
    const track = this.#tracks.get(index) ?? {
      attempts: 0,
      startedAt: this.#now(),
      waitedMs: 0,
      lookedBeforeMs: this.#lookedMs,
    };
    this.#tracks.set(index, track);
    return track;
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
