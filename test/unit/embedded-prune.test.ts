import fc from 'fast-check';
import { type PruneInput, whatToPrune } from '../../lambda/adapters/embedded/prune';

const backup = (id: string, lineage: number, segment: number) => ({
  id,
  lineage,
  startSegment: segmentAt(segment),
  finishedAt: `2026-01-01T00:00:${String(segment).padStart(2, '0')}.000Z`,
});
const point = (name: string, second: number, baseBackup: string) => ({
  name,
  at: `2026-01-01T00:00:${String(second).padStart(2, '0')}.500Z`,
  baseBackup,
});
function segmentAt(number: number): string {
  return `00000001000000000000000${number.toString(16).toUpperCase()}`;
}

const INPUT: PruneInput = {
  keepRestorePoints: 2,
  needed: new Set(),
  currentLineage: 1,
  restorePoints: [point('p1', 1, 'a'), point('p2', 2, 'a'), point('p3', 5, 'b'), point('p4', 7, 'b')],
  baseBackups: [backup('a', 1, 1), backup('b', 1, 4)],
  inUse: new Set(),
  archives: [{ lineage: 1, files: [1, 2, 3, 4, 5, 6, 7].map(segmentAt) }],
};

describe('what of recovery is not needed any more', () => {
  it('keeps the newest restore points with their base backup and the WAL since it', () => {
    expect(whatToPrune(INPUT)).toEqual({
      restorePoints: ['p2', 'p1'],
      baseBackups: ['a'],
      archives: [],
      segments: [1, 2, 3].map((number) => ({ lineage: 1, file: segmentAt(number) })),
    });
  });

  it('keeps a base backup that an instance is being made of, and all WAL since it', () => {
    const pruning = whatToPrune({ ...INPUT, inUse: new Set(['a']) });
    expect(pruning.baseBackups).toEqual([]);
    expect(pruning.segments).toEqual([]);
  });

  it('keeps the newest base backup even if no restore point leads to it', () => {
    const pruning = whatToPrune({ ...INPUT, restorePoints: [] });
    expect(pruning.baseBackups).toEqual(['a']);
  });

  it('keeps the archive of an earlier lineage as long as a restore point leads there', () => {
    const input = { ...INPUT, currentLineage: 2, archives: [...INPUT.archives, { lineage: 2, files: [] }] };
    expect(whatToPrune(input).archives).toEqual([]);
    expect(whatToPrune({ ...input, restorePoints: [] })).toMatchObject({
      baseBackups: ['a', 'b'],
      archives: [1],
    });
  });

  it('never deletes WAL of the current lineage before there is a base backup of it', () => {
    const input = {
      ...INPUT,
      currentLineage: 2,
      archives: [{ lineage: 2, files: [segmentAt(1), segmentAt(2)] }],
    };
    expect(whatToPrune(input).segments).toEqual([]);
  });

  it('keeps an older restore point that is needed, with its base backup and the WAL since it', () => {
    const pruning = whatToPrune({ ...INPUT, needed: new Set(['p1']) });
    expect(pruning).toMatchObject({ restorePoints: ['p2'], baseBackups: [], segments: [] });
  });

  it('never deletes the archive of a lineage that is later than the one it knows of', () => {
    const input = { ...INPUT, archives: [...INPUT.archives, { lineage: 2, files: [segmentAt(1)] }] };
    expect(whatToPrune(input).archives).toEqual([]);
  });

  it('compares positions, not timelines, and leaves timeline histories', () => {
    const files = ['000000020000000000000003', '00000002.history', `${segmentAt(2)}.00000028.backup`];
    const { segments } = whatToPrune({ ...INPUT, archives: [{ lineage: 1, files }] });
    expect(segments.map(({ file }) => file)).toEqual([
      '000000020000000000000003',
      `${segmentAt(2)}.00000028.backup`,
    ]);
  });

  it('never takes from a restore point that it keeps what it needs', () => {
    const arbitrary = fc.record({
      keepRestorePoints: fc.integer({ min: 0, max: 4 }),
      currentLineage: fc.integer({ min: 1, max: 3 }),
      backups: fc.uniqueArray(
        fc.record({ lineage: fc.integer({ min: 1, max: 3 }), segment: fc.integer({ min: 1, max: 15 }) }),
        {
          maxLength: 6,
          selector: ({ segment }) => segment,
        },
      ),
      points: fc.array(fc.nat({ max: 5 }), { maxLength: 8 }),
      needed: fc.uniqueArray(fc.nat({ max: 7 })),
    });
    fc.assert(
      fc.property(arbitrary, ({ keepRestorePoints, currentLineage, backups, points, needed }) => {
        const baseBackups = backups.map(({ lineage, segment }) => backup(`b${segment}`, lineage, segment));
        const restorePoints = points.flatMap((index, order) => {
          const chosen = baseBackups[index];
          return chosen ? [point(`p${order}`, order + 20, chosen.id)] : [];
        });
        const archives = [1, 2, 3].map((lineage) => ({
          lineage,
          files: Array.from({ length: 15 }, (_, i) => segmentAt(i + 1)),
        }));
        const names = new Set(needed.map((order) => `p${order}`));
        const pruning = whatToPrune({
          keepRestorePoints,
          needed: names,
          currentLineage,
          restorePoints,
          baseBackups,
          inUse: new Set(),
          archives,
        });
        const kept = restorePoints.filter(({ name }) => !pruning.restorePoints.includes(name));
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(keepRestorePoints, restorePoints.length));
        expect(pruning.restorePoints.filter((name) => names.has(name))).toEqual([]);
        for (const { baseBackup } of kept) {
          const needed = baseBackups.find(({ id }) => id === baseBackup);
          expect(pruning.baseBackups).not.toContain(baseBackup);
          expect(pruning.archives).not.toContain(needed?.lineage);
          for (const { lineage, file } of pruning.segments) {
            if (lineage === needed?.lineage) expect(file < needed.startSegment).toBe(true);
          }
        }
      }),
    );
  });
});
