/** Where tests put their clusters. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const ROOM_NEEDED_BYTES = 4 * 1024 ** 3;

/** Open to the server's user, who is not always this one: as root, the server runs as somebody else. */
export async function makeRoomyFolder(): Promise<string> {
  const path = await mkdtemp(join(await roomyParent(), 'godwit-test-'));
  await chmod(path, 0o755);
  return path;
}

/** In memory where there is plenty of it: most of a cluster's first seconds go into making a thousand small files. */
async function roomyParent(): Promise<string> {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = await statfs(MEMORY);
  return bavail * bsize >= ROOM_NEEDED_BYTES ? MEMORY : tmpdir();
}
