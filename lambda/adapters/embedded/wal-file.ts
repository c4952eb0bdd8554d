/** Reads WAL segments: whose they are, and the commits that are in them. Laid out as Postgres 18 writes them. */
import { open, readFile } from 'node:fs/promises';
import { LONG_HEADER_BYTES, SHORT_HEADER_BYTES } from './wal';

const LONG_HEADER_FLAG = 0x2;
const RECORD_HEADER_BYTES = 24;

/** What the first page of a segment says of itself. */
export interface SegmentHeader {
  readonly timeline: number;
  readonly position: bigint;
  readonly systemId: bigint;
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

/** `undefined` where no segment begins like that. */
export async function readSegmentHeader(
  file: string,
): Promise<{ readonly bytes: number; readonly header: SegmentHeader | undefined }> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONG_HEADER_BYTES), 0, LONG_HEADER_BYTES, 0);
    return {
      bytes: (await handle.stat()).size,
      header: bytesRead === LONG_HEADER_BYTES ? parseHeader(buffer) : undefined,
    };
  } finally {
    await handle.close();
  }
}

/** `XLogLongPageHeaderData`; every machine that the binaries are made for writes the low byte first. */
function parseHeader(page: Buffer): SegmentHeader | undefined {
  const isSegment = page.readUInt8(1) === 0xd1 && (page.readUInt16LE(2) & LONG_HEADER_FLAG) !== 0;
  if (!isSegment) return undefined;
  return {
    timeline: page.readUInt32LE(4),
    position: page.readBigUInt64LE(8),
    systemId: page.readBigUInt64LE(24),
    segmentBytes: page.readUInt32LE(32),
    pageBytes: page.readUInt32LE(36),
  };
}

/** `pg_control` begins with the identifier that every segment of the cluster carries. */
export async function systemIdIn(controlFile: string): Promise<bigint> {
  return (await readFile(controlFile)).readBigUInt64LE(0);
}

/** A transaction that was committed: where its record ends, and when it was. */
export interface Commit {
  readonly end: bigint;
  readonly at: Date;
}

const RM_TRANSACTIONS = 1;
const COMMIT = 0x00;
const COMMIT_PREPARED = 0x30;
const OPERATION_MASK = 0x70;
const EPOCH_2000_US = 946_684_800_000_000n;

/** Records can be gigabytes; what a commit is told by lies within so many bytes. */
const TELLING_BYTES = 64;

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Follows the records of consecutive segments. A record that begins in one segment may end in the next one, which is why
 * this remembers what it has of it.
 */
export class CommitReader {
  #record = NOTHING;
  #missing = 0;
  #begun = false;

  /** @param until position after which nothing was written yet */
  commitsIn(segment: Buffer, start: bigint, until: bigint): readonly Commit[] {
    const commits: Commit[] = [];
    const pageBytes = parseHeader(segment)?.pageBytes ?? segment.length;
    const end = Math.min(segment.length, Number(until - start));
    for (let page = 0; page < end; page += pageBytes) {
      const pageEnd = Math.min(page + pageBytes, end);
      const headerBytes = page === 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
      let at = page + headerBytes;
      // The rest of a record whose beginning was not read: its length is all that is known of it.
      if (!this.#begun) {
        const rest = segment.readUInt32LE(page + 16);
        if (aligned(rest) >= pageBytes - headerBytes) continue;
        at += aligned(rest);
        this.#begun = true;
      }
      while (at < pageEnd) {
        if (this.#missing === 0) {
          // After a switch the segment is filled with zeros.
          const length = segment.readUInt32LE(at);
          if (length < RECORD_HEADER_BYTES) return commits;
          this.#missing = length;
          this.#record = NOTHING;
        }
        at += this.#take(segment.subarray(at, Math.min(pageEnd, at + this.#missing)));
        if (this.#missing > 0) continue;
        const time = commitTime(this.#record);
        if (time !== undefined) commits.push({ end: start + BigInt(at), at: time });
      }
    }
    return commits;
  }

  /** How far it is to what follows. */
  #take(piece: Buffer): number {
    if (this.#record.length === 0) this.#record = piece;
    else if (this.#record.length < TELLING_BYTES) this.#record = Buffer.concat([this.#record, piece]);
    this.#missing -= piece.length;
    return aligned(piece.length);
  }
}

/** Records begin at multiples of eight bytes. */
const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** `XLogRecord`, the header of its main data, and `xl_xact_commit`, which begins with the time. */
function commitTime(record: Buffer): Date | undefined {
  const operation = record.readUInt8(16) & OPERATION_MASK;
  if (record.readUInt8(17) !== RM_TRANSACTIONS) return undefined;
  if (operation !== COMMIT && operation !== COMMIT_PREPARED) return undefined;
  const data = mainDataAt(record);
  if (data === undefined) return undefined;
  return new Date(Number((record.readBigInt64LE(data) + EPOCH_2000_US) / 1000n));
}

const SHORT_DATA = 255;
const LONG_DATA = 254;
const ORIGIN = 253;
const TOP_TRANSACTION = 252;

/** Commits refer to no blocks: before their data there is its length, and sometimes an origin or a transaction id. */
function mainDataAt(record: Buffer): number | undefined {
  for (let at = RECORD_HEADER_BYTES; at < record.length; ) {
    switch (record.readUInt8(at)) {
      case SHORT_DATA:
        return at + 2;
      case LONG_DATA:
        return at + 5;
      case ORIGIN:
        at += 3;
        break;
      case TOP_TRANSACTION:
        at += 5;
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}
