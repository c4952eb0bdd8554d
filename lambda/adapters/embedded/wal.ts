/** Names and positions in the write-ahead log; pure. */

/** Timeline, log and segment, eight hexadecimal digits each. */
const SEGMENT = /^[0-9A-F]{24}$/;
const IN_A_LOG = 0x1_0000_0000n;

export const isSegment = (file: string): boolean => SEGMENT.test(file);

/** `16/B374D848`, the position in bytes. */
export function parseLsn(lsn: string): bigint {
  const [high = '', low = ''] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

export const timelineOf = (segment: string): number => Number.parseInt(segment.slice(0, 8), 16);

/** Segments of one timeline compare as numbers; the timeline is not part of the position. */
export function segmentNumber(segment: string, segmentBytes: number): bigint {
  const perLog = IN_A_LOG / BigInt(segmentBytes);
  return BigInt(`0x${segment.slice(8, 16)}`) * perLog + BigInt(`0x${segment.slice(16, 24)}`);
}

export function segmentName(timeline: number, number: bigint, segmentBytes: number): string {
  const perLog = IN_A_LOG / BigInt(segmentBytes);
  return [BigInt(timeline), number / perLog, number % perLog].map(eightDigits).join('');
}

const eightDigits = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0');

/** Every segment from the first to the last one, both included. */
export function segmentsBetween(first: string, last: string, segmentBytes: number): readonly string[] {
  const names: string[] = [];
  const end = segmentNumber(last, segmentBytes);
  for (let number = segmentNumber(first, segmentBytes); number <= end; number += 1n) {
    names.push(segmentName(timelineOf(last), number, segmentBytes));
  }
  return names;
}

export const segmentEnd = (segment: string, segmentBytes: number): bigint =>
  (segmentNumber(segment, segmentBytes) + 1n) * BigInt(segmentBytes);

export const LONG_HEADER_BYTES = 40;
export const SHORT_HEADER_BYTES = 24;
const PAGE_BYTES = 8_192n;

/** What was written up to the end of a page ends before the next one's header, what is written next begins after it. */
export function afterPageHeader(lsn: bigint, segmentBytes: number): bigint {
  if (lsn % PAGE_BYTES !== 0n) return lsn;
  return lsn + BigInt(lsn % BigInt(segmentBytes) === 0n ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
}

/** The segment that a record ends in, whose end is at this position. */
export const segmentUpTo = (lsn: bigint, timeline: number, segmentBytes: number): string =>
  segmentName(timeline, (lsn - 1n) / BigInt(segmentBytes), segmentBytes);

/** The last one that can be got to from the first without a gap. */
export function lastConsecutive(
  first: string,
  segmentBytes: number,
  there: ReadonlySet<string>,
): string | undefined {
  let last: string | undefined;
  for (let next = first; there.has(next); next = following(next, segmentBytes)) last = next;
  return last;
}

const following = (segment: string, segmentBytes: number): string =>
  segmentName(timelineOf(segment), segmentNumber(segment, segmentBytes) + 1n, segmentBytes);
