import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { DiskCapacity } from '../../lambda/adapters/embedded/disk-capacity';
import { describeCapacityContract } from './capacity.contract';

const DATA = '/data/of/the/cluster';
const BLOCK_BYTES = 4096;
const BLOCKS = 10_000_000;
/** As ext4 does: only root may use them, and Postgres never is root. */
const RESERVED_BLOCKS = BLOCKS / 20;

const mockDisks = new Map<string, { usedBlocks: number }>();

jest.mock('node:fs/promises', () => {
  const real = jest.requireActual('node:fs/promises');
  return {
    ...real,
    statfs: async (path: string) => {
      const disk = mockDisks.get(path);
      if (disk === undefined) return real.statfs(path);
      const bfree = BLOCKS - disk.usedBlocks;
      const bavail = Math.max(0, bfree - RESERVED_BLOCKS);
      return { bsize: BLOCK_BYTES, blocks: BLOCKS, bfree, bavail };
    },
  };
});

/** A real disk has other users, so that nothing exact could be said about one. */
describeCapacityContract('DiskCapacity', async () => {
  const disk = { usedBlocks: 1_000_000 };
  mockDisks.set(DATA, disk);
  return {
    capacity: new DiskCapacity(DATA),
    totalBytes: BLOCKS * BLOCK_BYTES,
    fill: async (bytes) => {
      disk.usedBlocks += Math.ceil(bytes / BLOCK_BYTES);
    },
    overfill: async () => {
      disk.usedBlocks = BLOCKS - RESERVED_BLOCKS / 2;
    },
    blind: async () => void mockDisks.delete(DATA),
  };
});

describe('DiskCapacity', () => {
  afterEach(() => mockDisks.clear());

  it('counts nothing that is reserved for root', async () => {
    mockDisks.set(DATA, { usedBlocks: 0 });
    expect(await new DiskCapacity(DATA).freeBytes()).toBe((BLOCKS - RESERVED_BLOCKS) * BLOCK_BYTES);
  });

  it('tells of a real folder what its file system has', async () => {
    const { blocks, bsize } = await statfs(tmpdir());
    const free = await new DiskCapacity(tmpdir()).freeBytes();
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(blocks * bsize);
  });
});
