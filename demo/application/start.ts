/** Starts the simulated application in a process of its own, so that nothing the parent does disturbs the measurement. */
import { type ChildProcess, fork } from 'node:child_process';
import { GodwitError } from '../../lambda/domain/errors';
import type { ApplicationStats, FromApplication, ToApplication } from './messages';

export type { ApplicationStats } from './messages';

export interface ApplicationOptions {
  readonly url: string;
  readonly ratePerSecond?: number;
  readonly poolSize?: number;
  readonly seed?: number;
  /** Path of the bundled `demo/application/process.ts`. */
  readonly entry: string;
  readonly onStats?: (stats: ApplicationStats) => void;
}

export interface RunningApplication {
  readonly pid: number;
  /** The newest that was heard. */
  readonly stats: ApplicationStats;
  /** From now on `worstMsWindow` counts anew. */
  mark(): void;
  /**
   * Sends nothing more, waits for the answers that are due, and ends the process. May be called again.
   * @throws ApplicationDied where the process ended before it was asked to.
   */
  stop(): Promise<ApplicationStats>;
}

const NO_STATS: ApplicationStats = {
  requests: 0,
  errors: 0,
  errorSamples: [],
  worstMs: 0,
  worstMsWindow: 0,
  p99: 0,
  inFlight: 0,
  requestsPerSecond: 0,
};

/** @throws ApplicationDidNotStart */
export async function startApplication(options: ApplicationOptions): Promise<RunningApplication> {
  const child = fork(options.entry, [], {
    // The parent's environment may hold credentials and debugger options; the application needs neither.
    env: {},
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const application = new ForkedApplication(child, options.onStats);
  await application.start({
    type: 'start',
    // In a message: arguments and environment are shown by ps.
    url: options.url,
    ratePerSecond: options.ratePerSecond ?? 200,
    poolSize: options.poolSize ?? 8,
    seed: options.seed ?? 1,
  });
  return application;
}

class ForkedApplication implements RunningApplication {
  readonly #child: ChildProcess;
  readonly #onStats: ((stats: ApplicationStats) => void) | undefined;
  readonly #exited: Promise<string>;
  #stats = NO_STATS;
  #lastWords = '';
  #stopped: Promise<ApplicationStats> | undefined;
  #hear: (message: FromApplication) => void = () => {};

  constructor(child: ChildProcess, onStats: ((stats: ApplicationStats) => void) | undefined) {
    this.#child = child;
    this.#onStats = onStats;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) =>
        resolve(this.#lastWords.trim() || (signal ? `ended by ${signal}` : `exit code ${code}`)),
      );
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = `${this.#lastWords}${text}`.slice(-2000);
    });
    child.on('message', (message: FromApplication) => this.#received(message));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stats(): ApplicationStats {
    return this.#stats;
  }

  async start(request: ToApplication): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#hear = (message) => {
        if (message.type === 'ready') this.#send(request);
        if (message.type === 'started') resolve();
        if (message.type === 'refused') reject(new ApplicationDidNotStart(message.reason));
      };
    });
    const died = this.#exited.then((reason) => {
      throw new ApplicationDidNotStart(reason);
    });
    // Loses the race when all is well, and then nobody else would hear it.
    died.catch(() => {});
    try {
      await Promise.race([started, died]);
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  mark(): void {
    this.#stats = { ...this.#stats, worstMsWindow: 0 };
    this.#send({ type: 'mark' });
  }

  stop(): Promise<ApplicationStats> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<ApplicationStats> {
    const stopped = new Promise<ApplicationStats>((resolve) => {
      this.#hear = (message) => {
        if (message.type === 'stopped') resolve(message.stats);
      };
    });
    this.#send({ type: 'stop' });
    const last = await Promise.race([stopped, this.#exited]);
    if (typeof last === 'string') throw new ApplicationDied(last, this.#stats);
    await this.#exited;
    return last;
  }

  #received(message: FromApplication): void {
    if (message.type === 'stats' || message.type === 'stopped') {
      this.#stats = message.stats;
      this.#onStats?.(message.stats);
    }
    this.#hear(message);
  }

  #send(message: ToApplication): void {
    // A process that is gone is noticed by its exit.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

/** The simulated application could not read the database, or its process did not come up. */
export class ApplicationDidNotStart extends GodwitError {
  override readonly name = 'ApplicationDidNotStart';
  readonly kind = 'refused';

  constructor(reason: string) {
    super(`The simulated application did not start: ${reason}. Check that the database is up and seeded.`);
  }
}

/** The simulated application's process ended by itself: what it measured is incomplete. */
export class ApplicationDied extends GodwitError {
  override readonly name = 'ApplicationDied';
  readonly kind = 'refused';
  readonly lastStats: ApplicationStats;

  constructor(reason: string, lastStats: ApplicationStats) {
    super(
      `The simulated application ended before it was stopped: ${reason}. Its measurements are incomplete.`,
    );
    this.lastStats = lastStats;
  }
}
