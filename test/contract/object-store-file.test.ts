import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { describeObjectStoreContract, written } from './object-store.contract';

const temporaryRoot = (): Promise<string> => mkdtemp(join(tmpdir(), 'godwit-store-'));

describeObjectStoreContract('FileObjectStore', async () => {
  const root = await temporaryRoot();
  return { store: new FileObjectStore(root), dispose: () => rm(root, { recursive: true }) };
});

describe('FileObjectStore', () => {
  let root: string;
  let store: FileObjectStore;

  beforeEach(async () => {
    root = await temporaryRoot();
    store = new FileObjectStore(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('keeps an object as a plain file under its key', async () => {
    written(await store.putIfAbsent('runs/1/journal.json', '{"a":1}'));
    expect(await readFile(join(root, 'runs/1/journal.json'), 'utf8')).toBe('{"a":1}');
  });

  it('changes the version when a body comes back', async () => {
    const first = written(await store.putIfAbsent('lease', 'A'));
    const second = written(await store.putIfMatch('lease', 'B', first));
    const third = written(await store.putIfMatch('lease', 'A', second));
    expect(third).not.toBe(first);
    expect(await store.putIfMatch('lease', 'C', first)).toEqual({ outcome: 'conflict' });
  });

  it('changes the version even if the clock was set back', async () => {
    const first = written(await store.putIfAbsent('lease', 'A'));
    const future = new Date(Date.now() + 3_600_000);
    await utimes(join(root, 'lease'), future, future);
    const seen = await store.get('lease');
    const second = written(await store.putIfMatch('lease', 'B', seen?.version ?? first));
    const third = written(await store.putIfMatch('lease', 'A', second));
    expect(third).not.toBe(seen?.version);
  });

  it.each([
    '../outside',
    'runs/../../outside',
    '/etc/passwd',
    'runs//1',
    '',
    'runs/.',
    'a\\b',
    'a\0b',
    '.store/locks/x',
    `long/${'x'.repeat(256)}`,
  ])('refuses the key %j', async (key) => {
    await expect(store.get(key)).rejects.toMatchObject({ name: 'NameUnusable', subject: key });
    await expect(store.putIfAbsent(key, 'x')).rejects.toMatchObject({ name: 'NameUnusable' });
  });

  it('names the key when another key is in the way of its folder', async () => {
    written(await store.putIfAbsent('runs', 'x'));
    await expect(store.putIfAbsent('runs/1', 'x')).rejects.toMatchObject({
      name: 'NameUnusable',
      subject: 'runs/1',
    });
  });

  it('does not take a folder that cannot be read for an absent object', async () => {
    await mkdir(join(root, 'runs'));
    await expect(store.get('runs')).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('takes over the lock of a writer that died while it held it', async () => {
    const version = written(await store.putIfAbsent('lease', 'A'));
    const dead = await deadProcess();
    const { createHash } = await import('node:crypto');
    const lock = createHash('sha256').update('lease').digest('hex').slice(0, 32);
    await mkdir(join(root, '.store/locks'), { recursive: true });
    await writeFile(
      join(root, '.store/locks', lock),
      JSON.stringify({ pid: dead, startedAt: '', nonce: 'x' }),
    );
    written(await store.putIfMatch('lease', 'B', version));
    expect(await readdir(join(root, '.store/locks'))).toEqual([]);
  });

  it('leaves no drafts behind', async () => {
    const version = written(await store.putIfAbsent('lease', 'A'));
    await Promise.all(['B', 'C', 'D'].map((body) => store.putIfMatch('lease', body, version)));
    await store.putIfAbsent('lease', 'E');
    expect(await readdir(join(root, '.store/drafts'))).toEqual([]);
  });
});

async function deadProcess(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', 'console.log(process.pid)']);
  return Number(stdout);
}
