/** What every capacity promises: room that is really there, in bytes, or an error, since no number is better than a guess. */
import type { Capacity } from '../../lambda/ports/capacity';

export interface CapacityUnderTest {
  readonly capacity: Capacity;
  readonly totalBytes: number;
  /** Stores that much in the database. */
  fill(bytes: number): Promise<void>;
  /** Nothing is left, and more is in use than the database may have. */
  overfill(): Promise<void>;
  /** Room cannot be looked at any more. */
  blind(): Promise<void>;
  dispose?(): Promise<void>;
}

const FILLED_BYTES = 8_000_000;

export function describeCapacityContract(name: string, make: () => Promise<CapacityUnderTest>): void {
  describe(`${name} keeps the promises of a capacity`, () => {
    let under: CapacityUnderTest;

    beforeEach(async () => {
      under = await make();
    });
    afterEach(async () => under.dispose?.());

    it('tells whole bytes, fewer than there are in all', async () => {
      const free = await under.capacity.freeBytes();
      expect(Number.isSafeInteger(free)).toBe(true);
      expect(free).toBeGreaterThan(0);
      expect(free).toBeLessThan(under.totalBytes);
    });

    it('tells less room by what the database grew, at once', async () => {
      const before = await under.capacity.freeBytes();
      await under.fill(FILLED_BYTES);
      expect(before - (await under.capacity.freeBytes())).toBeGreaterThanOrEqual(FILLED_BYTES);
    });

    it('tells no room, not less than none, where everything is in use', async () => {
      await under.overfill();
      expect(await under.capacity.freeBytes()).toBe(0);
    });

    it('fails where it cannot look, and tells neither much room nor none', async () => {
      await under.blind();
      await expect(under.capacity.freeBytes()).rejects.toThrow();
    });
  });
}
