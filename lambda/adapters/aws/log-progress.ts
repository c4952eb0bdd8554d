/** Progress as JSON lines of the function's log. */
import type { ProgressEvent } from '../../domain/step';
import type { Progress } from '../../ports/progress';

export class LogProgress implements Progress {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void = (line) => void process.stdout.write(`${line}\n`)) {
    this.#write = write;
  }

  report(event: ProgressEvent): void {
    this.#write(JSON.stringify({ level: 'INFO', ...event }));
  }
}
