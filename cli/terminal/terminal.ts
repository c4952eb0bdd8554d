/** Shows people, or programs, what a command is doing while it does it. */
import type { Phase } from '../../lambda/domain/run';
import type { ProgressEvent } from '../../lambda/domain/step';
import { askPerson } from './ask';
import { type CommandResult, closingLines } from './closing';
import { type Canvas, drawFinished, drawFrame } from './frame';
import { jsonLine } from './json';
import { createLook, type Line, paintLine, textOf } from './look';
import type { TerminalMode } from './mode';
import { Outlet, type Output } from './outlet';
import { USUAL_PHASES } from './phases';
import { applicationLine, type Level, PlainLines } from './plain';
import { Screen } from './screen';
import { type ApplicationView, advance, EMPTY_VIEW, endPhase, type View } from './view';
import { wrapTo } from './width';

export interface TerminalOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly mode: TerminalMode;
  readonly level: Level;
  readonly color: boolean;
  /** Default: what stdout says, else 80. */
  readonly columns?: number;
  readonly now: () => number;
  /** Where answers come from; without it every question is answered no. */
  readonly stdin?: NodeJS.ReadableStream;
  /** Phases announced before they happen; default: those of a whole run. */
  readonly expected?: readonly Phase[];
  readonly maxBlockingMs?: number;
  readonly unicode?: boolean;
}

export interface Terminal {
  event(event: ProgressEvent): void;
  application(stats: ApplicationView): void;
  note(text: Line): void;
  /** A line under `--json`, and nothing elsewhere. */
  tellPrograms(event: object): void;
  /** Once, and last: under `--json` nothing follows it on stdout. */
  result(result: CommandResult): void;
  summary(...lines: readonly Line[]): void;
  ask(question: string, signal?: AbortSignal): Promise<'yes' | 'no'>;
  /** The last of the choices is the answer where nobody gives one. */
  choose<Choice extends string>(
    question: string,
    choices: readonly [Choice, ...Choice[]],
    signal?: AbortSignal,
  ): Promise<Choice>;
  /** Takes the frame away and gives the cursor back; what is told afterwards is written as plain lines. */
  close(): void;
}

const APPLICATION_EVERY_MS = { json: 1000, plain: 10_000 } as const;

export const createTerminal = (options: TerminalOptions): Terminal => new StreamTerminal(options);

class StreamTerminal implements Terminal {
  readonly #options: TerminalOptions;
  readonly #look: ReturnType<typeof createLook>;
  readonly #people: Outlet;
  readonly #programs: Outlet | undefined;
  readonly #plain: PlainLines;
  readonly #closing = new AbortController();
  #screen: Screen | undefined;
  #view: View = EMPTY_VIEW;
  #applicationTold = Number.NEGATIVE_INFINITY;
  #concluded = false;

  constructor(options: TerminalOptions) {
    const { mode, level, color, stdout, stderr } = options;
    this.#options = options;
    this.#look = createLook({ color: color && mode === 'tty', unicode: options.unicode ?? true });
    this.#people = new Outlet(mode === 'json' ? stderr : stdout);
    this.#programs = mode === 'json' ? new Outlet(stdout) : undefined;
    this.#plain = new PlainLines(level);
    if (mode === 'tty' && level !== 'quiet') {
      this.#screen = new Screen(this.#people, (tick) => drawFrame(this.#view, this.#canvas(tick)));
    }
  }

  event(event: ProgressEvent): void {
    const now = this.#options.now();
    this.#program(event);
    const step = advance(this.#view, event, now);
    this.#view = step.view;
    const plain = this.#plain.linesFor(event, step, now);
    if (!this.#screen) {
      for (const line of plain) this.#people.line(line);
      return;
    }
    const verbose = this.#options.level === 'verbose' ? plain : [];
    const lines = [
      ...verbose.map((line) => this.#look.paint('dim', `    ${line}`)),
      ...step.finished.flatMap((phase) => drawFinished(phase, this.#canvas(0))),
    ];
    if (lines.length > 0) this.#screen.persist(lines);
    else this.#screen.redraw();
  }

  application(stats: ApplicationView): void {
    this.#view = { ...this.#view, application: stats };
    if (this.#screen) return;
    const now = this.#options.now();
    const every = this.#programs ? APPLICATION_EVERY_MS.json : APPLICATION_EVERY_MS.plain;
    if (now - this.#applicationTold < every) return;
    this.#applicationTold = now;
    this.#program({ type: 'application', ...stats });
    if (!this.#programs && this.#options.level !== 'quiet') this.#persist(applicationLine(stats, now));
  }

  note(text: Line): void {
    if (this.#options.level === 'quiet') return;
    if (!this.#screen) {
      this.#persist(textOf(text));
      return;
    }
    const { paint, signs } = this.#look;
    const sign = `  ${paint('cyan', signs.note)} `;
    const wrapped =
      typeof text === 'string' ? wrapTo(textOf(text), this.#columns() - 4) : [paintLine(text, this.#look)];
    this.#screen.persist(wrapped.map((line, index) => `${index === 0 ? sign : '    '}${line}`));
  }

  tellPrograms(event: object): void {
    this.#program(event);
  }

  result(result: CommandResult): void {
    if (this.#concluded) return;
    this.#endOfProgress();
    this.summary(...closingLines(result, this.#look.signs, this.#view.application));
    this.#program({ type: 'result', ...result });
    this.#concluded = true;
  }

  summary(...lines: readonly Line[]): void {
    for (const line of lines) this.#persist(paintLine(line, this.#look));
  }

  ask(question: string, signal?: AbortSignal): Promise<'yes' | 'no'> {
    return this.choose(question, ['yes', 'no'], signal);
  }

  async choose<Choice extends string>(
    question: string,
    choices: readonly [Choice, ...Choice[]],
    signal?: AbortSignal,
  ): Promise<Choice> {
    const { stdin } = this.#options;
    if (!stdin) return choices.at(-1) ?? choices[0];
    this.#screen?.pause();
    try {
      return await askPerson({
        choices,
        question: `  ${this.#look.paint('cyan', '?')} ${this.#look.paint('bold', textOf(question))}`,
        input: stdin,
        outlet: this.#people,
        signal: signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal,
      });
    } finally {
      this.#screen?.resume();
    }
  }

  close(): void {
    this.#closing.abort();
    this.#endOfProgress();
  }

  /** A phase that was left without a verdict still gets its line. */
  #endOfProgress(): void {
    const { current } = this.#view;
    this.#view = { ...this.#view, current: undefined };
    this.#screen?.close();
    if (this.#screen && current) {
      const ended = endPhase(current, this.#options.now());
      for (const line of drawFinished(ended, this.#canvas(0))) this.#people.line(line);
    }
    this.#screen = undefined;
  }

  #persist(line: string | undefined): void {
    if (line === undefined) return;
    if (this.#screen) this.#screen.persist([line]);
    else this.#people.line(line);
  }

  #program(value: unknown): void {
    if (!this.#concluded) this.#programs?.line(jsonLine(value));
  }

  #columns(): number {
    return this.#options.columns ?? this.#people.stream.columns ?? 80;
  }

  #canvas(tick: number): Canvas {
    return {
      look: this.#look,
      // The last column stays free: some terminals break the line when it is written.
      columns: this.#columns() - 1,
      rows: this.#people.stream.rows ?? 24,
      tick,
      now: this.#options.now(),
      expected: this.#options.expected ?? USUAL_PHASES,
      maxBlockingMs: this.#options.maxBlockingMs ?? 100,
    };
  }
}
