/** What of restore points, base backups and archived WAL is not needed any more; pure, and in doubt it is needed. */
import { isSegment } from './wal';

export interface PruneInput {
  /** The newest ones, however old they are. */
  readonly keepRestorePoints: number;
  /** Of the others those that somebody is promised a return to. */
  readonly needed: ReadonlySet<string>;
  readonly currentLineage: number;
  readonly restorePoints: readonly {
    readonly name: string;
    readonly at: string;
    readonly baseBackup: string;
  }[];
  readonly baseBackups: readonly {
    readonly id: string;
    readonly lineage: number;
    readonly startSegment: string;
    readonly finishedAt: string;
  }[];
  /** Base backups that an instance is being made of. */
  readonly inUse: ReadonlySet<string>;
  readonly archives: readonly { readonly lineage: number; readonly files: readonly string[] }[];
}

export interface Pruning {
  readonly restorePoints: readonly string[];
  readonly baseBackups: readonly string[];
  /** Whole archives of lineages that nothing leads back to. */
  readonly archives: readonly number[];
  readonly segments: readonly { readonly lineage: number; readonly file: string }[];
}

export function whatToPrune(input: PruneInput): Pruning {
  const forgotten = new Set(
    beyondNewest(input.restorePoints, input.keepRestorePoints)
      .map(({ name }) => name)
      .filter((name) => !input.needed.has(name)),
  );
  const keptPoints = input.restorePoints.filter(({ name }) => !forgotten.has(name));
  const keptIds = new Set([...keptPoints.map(({ baseBackup }) => baseBackup), ...input.inUse]);
  // The next restore point builds on it.
  const newest = newestOf(input.baseBackups.filter(({ lineage }) => lineage === input.currentLineage));
  if (newest !== undefined) keptIds.add(newest.id);
  const kept = input.baseBackups.filter(({ id }) => keptIds.has(id));
  return {
    restorePoints: [...forgotten],
    baseBackups: input.baseBackups.filter(({ id }) => !keptIds.has(id)).map(({ id }) => id),
    archives: input.archives
      .filter(
        ({ lineage }) =>
          // A later one would be that of a cut-over under way.
          lineage < input.currentLineage && !kept.some((backup) => backup.lineage === lineage),
      )
      .map(({ lineage }) => lineage),
    segments: input.archives.flatMap(({ lineage, files }) => {
      const first = firstNeeded(kept.filter((backup) => backup.lineage === lineage));
      if (first === undefined) return [];
      return files.filter((file) => isBefore(file, first)).map((file) => ({ lineage, file }));
    }),
  };
}

/** Newest first. */
export const beyondNewest = <T extends { readonly name: string; readonly at: string }>(
  restorePoints: readonly T[],
  keepRestorePoints: number,
): readonly T[] =>
  [...restorePoints].sort((a, b) => compare(b.at, a.at) || compare(b.name, a.name)).slice(keepRestorePoints);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const newestOf = <T extends { finishedAt: string }>(backups: readonly T[]): T | undefined =>
  [...backups].sort((a, b) => compare(b.finishedAt, a.finishedAt))[0];

const firstNeeded = (backups: readonly { startSegment: string }[]): string | undefined =>
  backups.map(({ startSegment }) => position(startSegment)).sort(compare)[0];

/** Without the timeline, as pg_archivecleanup compares: a position is needed or not on whichever timeline. */
const position = (segment: string): string => segment.slice(8, 24);

/** Backup history files are named after a segment, too; timeline histories are tiny and stay. */
const isBefore = (file: string, first: string): boolean =>
  isSegment(file.slice(0, 24)) && position(file) < first;
