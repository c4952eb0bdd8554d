/** Tells from the load's requests how long its users waited. */

/** Times are of {@link now}; a request that got no answer ends when nobody waited for it any more. */
export interface Sample {
  readonly dueAt: number;
  readonly endedAt: number;
  readonly kind: 'read' | 'write';
  readonly error?: string;
}

export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface Score {
  readonly requests: number;
  readonly errors: number;
  readonly worstMs: number;
  readonly worstReadMs: number;
  readonly worstWriteMs: number;
  readonly p99Ms: number;
  readonly over100Ms: number;
  readonly overSecond: number;
}

/** One clock for all processes of the machine, in ms: it is not set, and nobody's start counts. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The requests of which a part lies in the window. */
export const overlapping = (samples: readonly Sample[], { from, to }: Window): readonly Sample[] =>
  samples.filter(({ dueAt, endedAt }) => dueAt <= to && endedAt >= from);

export function scoreOf(samples: readonly Sample[]): Score {
  const latencies = samples.map(latencyOf).sort((one, other) => one - other);
  const worstOf = (kind: Sample['kind']): number =>
    samples.reduce((worst, sample) => (sample.kind === kind ? Math.max(worst, latencyOf(sample)) : worst), 0);
  return {
    requests: samples.length,
    errors: samples.filter(({ error }) => error !== undefined).length,
    worstMs: latencies.at(-1) ?? 0,
    worstReadMs: worstOf('read'),
    worstWriteMs: worstOf('write'),
    p99Ms: latencies[Math.ceil(latencies.length * 0.99) - 1] ?? 0,
    over100Ms: latencies.filter((latency) => latency > 100).length,
    overSecond: latencies.filter((latency) => latency > 1000).length,
  };
}

const latencyOf = ({ dueAt, endedAt }: Sample): number => endedAt - dueAt;

/** With no migration at all the worst of a run was 23 ms in nine runs of ten; beyond these, it is the machine. */
export const isQuiet = ({ p99Ms, worstMs }: Score): boolean => p99Ms <= 15 && worstMs <= 50;
