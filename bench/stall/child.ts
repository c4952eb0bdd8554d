/** The parent's side: a forked process that answers one question at a time, and ends when it is told to. */
import { type ChildProcess, fork } from 'node:child_process';
import type { FromChild, ToChild } from './messages';

type Answer<Type extends FromChild['type']> = Extract<FromChild, { type: Type }>;

export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #heard: FromChild[] = [];
  #lastWords = '';
  #hear: () => void = () => {};

  private constructor(entry: string) {
    this.#process = fork(entry, [], {
      // The parent's environment may hold credentials and debugger options.
      env: {},
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once('error', () => resolve());
      this.#process.once('close', () => resolve());
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = `${this.#lastWords}${text}`.slice(-2000);
    });
    this.#process.on('message', (message: FromChild) => {
      this.#heard.push(message);
      this.#hear();
    });
  }

  static async start(entry: string): Promise<Child> {
    const child = new Child(entry);
    await child.#next('ready');
    return child;
  }

  async ask<Type extends FromChild['type']>(message: ToChild, answer: Type): Promise<Answer<Type>> {
    this.#process.send(message);
    return this.#next(answer);
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  async #next<Type extends FromChild['type']>(type: Type): Promise<Answer<Type>> {
    const heard = new Promise<void>((resolve) => {
      this.#hear = resolve;
      if (this.#heard.length > 0) resolve();
    });
    await Promise.race([heard, this.#exited]);
    const message = this.#heard.shift();
    if (message?.type === type) return message as Answer<Type>;
    const reason = message?.type === 'failed' ? message.reason : this.#lastWords.trim();
    throw new Error(
      `a process of the benchmark failed instead of being ${type}: ${reason || 'no word of why'}`,
    );
  }
}
