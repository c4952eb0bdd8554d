/** Metrics as lines of the log, which CloudWatch turns into numbers: no endpoint, no call, no waiting. */
import type { Metrics } from '../../ports/metrics';

/** CloudWatch's limit; more would drop the whole line silently. */
const MOST_DIMENSIONS = 30;

export class EmfMetrics implements Metrics {
  readonly #namespace: string;
  readonly #dimensions: Readonly<Record<string, string>>;
  readonly #write: (line: string) => void;
  readonly #now: () => Date;

  constructor(options: {
    readonly namespace: string;
    readonly dimensions: Readonly<Record<string, string>>;
    readonly write?: (line: string) => void;
    readonly now?: () => Date;
  }) {
    this.#namespace = options.namespace;
    this.#dimensions = options.dimensions;
    this.#write = options.write ?? ((line) => void process.stdout.write(`${line}\n`));
    this.#now = options.now ?? (() => new Date());
  }

  record(
    name: string,
    value: number,
    unit: 'Milliseconds' | 'Seconds' | 'Count' | 'Bytes',
    dimensions: Readonly<Record<string, string>> = {},
  ): void {
    // CloudWatch drops what is no number.
    if (!Number.isFinite(value)) return;
    const all = Object.fromEntries(
      Object.entries({ ...this.#dimensions, ...dimensions })
        .filter(([, text]) => text !== '')
        .slice(0, MOST_DIMENSIONS),
    );
    this.#write(
      JSON.stringify({
        _aws: {
          Timestamp: this.#now().getTime(),
          CloudWatchMetrics: [
            {
              Namespace: this.#namespace,
              Dimensions: [Object.keys(all)],
              Metrics: [{ Name: name, Unit: unit }],
            },
          ],
        },
        ...all,
        [name]: value,
      }),
    );
  }
}
