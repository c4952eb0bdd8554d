/** Disks that really are full: a small file system over a folder, which only root can mount. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root in a container often may not. */
export const canMount = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-test-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'godwit-test', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return mounted;
})();

export interface SmallDisk {
  readonly bytes: number;
  /** Full when there are so many, however much room there is. */
  readonly files: number;
}

/** The work makes room when it is done with a full disk. */
export async function withSmallDisk(
  folder: string,
  { bytes, files }: SmallDisk,
  work: (makeRoom: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { uid, gid, mode } = await stat(folder);
  const owner = `uid=${uid},gid=${gid},mode=${(mode & 0o777).toString(8)}`;
  const size = `size=${bytes},nr_inodes=${files}`;
  await run('mount', ['-t', 'tmpfs', '-o', `${size},${owner}`, 'godwit-test', folder]);
  try {
    await work(() => run('mount', ['-o', 'remount,size=1g,nr_inodes=100000', folder]));
  } finally {
    await run('umount', ['--lazy', folder]);
  }
}

/** For whoever may not mount: the system refuses a process of ours the rest of each file that gets larger. Linux only. */
export async function withSmallFiles(
  { pid, owner }: { pid: number; owner: { uid: number; gid: number } | undefined },
  bytes: number,
  work: (makeRoom: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  // The soft limit, which its owner can lift again.
  const limit = (value: number | 'unlimited') =>
    run('prlimit', ['--pid', String(pid), `--fsize=${value}:`], { ...owner });
  await limit(bytes);
  try {
    await work(() => limit('unlimited'));
  } finally {
    await limit('unlimited');
  }
}
