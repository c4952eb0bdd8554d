/** Free bytes of the file system that holds the embedded cluster, its archive and its clones. */
import { statfs } from 'node:fs/promises';
import type { Capacity } from '../../ports/capacity';

export class DiskCapacity implements Capacity {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory);
    return bavail * bsize;
  }
}
