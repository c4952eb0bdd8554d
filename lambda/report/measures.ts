/** What the watch measured while the migration ran, as rows of a table: the peak in words, and the course of it. */
import type { Blocking, WatchSample } from '../domain/watch';
import { bytesText, countText, durationText } from './words';

export interface Measure {
  readonly title: string;
  readonly peak: string;
  /** From 0 to 1 of what the row's scale ends at; undefined where it could not be read. */
  readonly course: readonly (number | undefined)[];
}

type Value = Exclude<keyof WatchSample, 'afterMs'>;

interface Kind {
  readonly title: string;
  readonly value: Value;
  readonly words: (peak: number) => string;
  /** Where the scale ends; otherwise at the peak. */
  readonly scale?: number;
}

const KINDS: readonly Kind[] = [
  { title: 'Longest wait for the migration', value: 'longestWaitMs', words: durationOrNone },
  { title: 'Sessions that waited', value: 'waiting', words: countText },
  { title: 'Connections', value: 'connections', words: countText },
  { title: 'Connections at work', value: 'active', words: countText },
  { title: 'WAL written', value: 'walBytes', words: bytesText },
  { title: 'Replica behind', value: 'replicaLagMs', words: durationOrNone },
  { title: 'Size of the database', value: 'databaseBytes', words: bytesText },
  { title: 'Index build', value: 'buildShare', words: (share) => `${Math.round(share * 100)} %`, scale: 1 },
];

export function measuresOf(series: readonly WatchSample[]): readonly Measure[] {
  return KINDS.flatMap(({ title, value, words, scale }) => {
    const values = series.map((sample) => sample[value]);
    const known = values.filter((one) => one !== undefined);
    if (known.length === 0) return [];
    const peak = Math.max(...known);
    const end = Math.max(scale ?? peak, Number.MIN_VALUE);
    const course = values.map((one) => (one === undefined ? undefined : one / end));
    return [{ title, peak: words(peak), course }];
  });
}

function durationOrNone(ms: number): string {
  return ms === 0 ? 'none' : durationText(ms);
}

const MOST_ROWS = 10;

/** Those that a report has room for. */
export const shownBlockings = (blockings: readonly Blocking[]): readonly Blocking[] =>
  blockings.slice(0, MOST_ROWS);

export const waiterText = ({ pid, user, applicationName }: Blocking): string =>
  `${applicationName === '' ? 'session' : applicationName} (user ${user}, pid ${pid})`;
