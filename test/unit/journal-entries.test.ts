import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import type { Checkpoint, JournalEntry, RunRequest } from '../../lambda/domain/run';
import { DEFAULT_POLICY, newRunId } from '../../lambda/domain/run';
import {
  createRun,
  Journal,
  JournalDamaged,
  listRuns,
  readRequest,
  UnknownRun,
} from '../../lambda/journal/journal';

const AT = '2026-01-31T12:00:00.000Z';
const RUN = 'run-20260131-120000-abcd';

let root: string;
let store: FileObjectStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-journal-'));
  store = new FileObjectStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const note = (message: string): JournalEntry => ({ type: 'note', at: AT, message });
const messages = (journal: Journal): string[] =>
  journal.entries.map((entry) => (entry.type === 'note' ? entry.message : entry.type));
const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`);

async function appendAll(journal: Journal, texts: readonly string[]): Promise<void> {
  for (const text of texts) await journal.append(note(text));
}

describe('the journal of a run', () => {
  it('keeps entries in order, hostile texts included, for whoever opens it next', async () => {
    const texts = ['first', `it's "quoted"\nand more`, '\u2028 🏦 \\u0000', ''];
    const journal = await Journal.open(store, RUN);
    expect(journal.entries).toEqual([]);
    await appendAll(journal, texts);
    expect(messages(journal)).toEqual(texts);
    expect(messages(await Journal.open(store, RUN))).toEqual(texts);
    expect((await Journal.open(store, `${RUN}0`)).entries).toEqual([]);
  });

  it('loses nothing and keeps each writer in order where two append at once', async () => {
    const [one, other] = [await Journal.open(store, RUN), await Journal.open(store, RUN)];
    await Promise.all([appendAll(one, numbered('a', 12)), appendAll(other, numbered('b', 12))]);
    const stored = messages(await Journal.open(store, RUN));
    expect(stored).toHaveLength(24);
    expect(stored.filter((text) => text.startsWith('a'))).toEqual(numbered('a', 12));
    expect(stored.filter((text) => text.startsWith('b'))).toEqual(numbered('b', 12));
    for (const journal of [one, other]) {
      await journal.refresh();
      expect(messages(journal)).toEqual(stored);
    }
  });

  it('loses nothing where one object is appended to and refreshed at once', async () => {
    const journal = await Journal.open(store, RUN);
    await Promise.all([
      ...numbered('a', 8).map((text) => journal.append(note(text))),
      journal.refresh(),
      journal.refresh(),
    ]);
    const stored = messages(await Journal.open(store, RUN));
    expect([...stored].sort()).toEqual(numbered('a', 8));
    expect(messages(journal)).toEqual(stored);
  });

  it('holds an entry once, although it is refreshed before the store has answered', async () => {
    const journal = await Journal.open(
      {
        get: (key) => store.get(key),
        putIfMatch: (key, body, version) => store.putIfMatch(key, body, version),
        list: (prefix) => store.list(prefix),
        putIfAbsent: async (key, body) => {
          const result = await store.putIfAbsent(key, body);
          await journal.refresh();
          return result;
        },
      },
      RUN,
    );
    await appendAll(journal, ['x', 'y']);
    expect(messages(journal)).toEqual(['x', 'y']);
    expect(messages(await Journal.open(store, RUN))).toEqual(['x', 'y']);
  });

  it('shows what others wrote once it is refreshed', async () => {
    const [writer, reader] = [await Journal.open(store, RUN), await Journal.open(store, RUN)];
    await appendAll(writer, ['x', 'y']);
    expect(reader.entries).toEqual([]);
    await reader.refresh();
    expect(messages(reader)).toEqual(['x', 'y']);
    await reader.refresh();
    expect(messages(reader)).toEqual(['x', 'y']);
  });

  it('answers with the latest checkpoint of a phase and its record', async () => {
    const journal = await Journal.open(store, RUN);
    const base = {
      type: 'checkpoint',
      at: AT,
      step: 'Finish',
      phase: 'Finish',
      verdict: 'passed',
      route: '',
      message: '',
    } as const;
    const outcome = (reason: string): Checkpoint => ({
      ...base,
      record: { status: 'failed', applied: [], rolledBack: [], reason },
    });
    expect(journal.checkpoint('Finish')).toBeUndefined();
    expect(journal.outcome).toBeUndefined();
    await journal.append(outcome('earlier'));
    await journal.append(outcome('later'));
    await journal.append(note('after it'));
    expect(journal.record('Finish')).toMatchObject({ reason: 'later' });
    expect(journal.outcome?.reason).toBe('later');
    expect(journal.record('Migrate')).toBeUndefined();
  });

  it('is damaged where an entry is missing, and says which', async () => {
    await appendAll(await Journal.open(store, RUN), ['a', 'b', 'c']);
    const folder = join(root, 'runs', RUN, 'journal');
    const [, second] = (await readdir(folder)).sort();
    await rm(join(folder, second ?? ''));
    const opening = Journal.open(store, RUN);
    await expect(opening).rejects.toThrow(JournalDamaged);
    await expect(opening).rejects.toThrow(`runs/${RUN}/journal/${second} is missing. Restore that object`);
  });

  it('is damaged where an entry was overwritten with something else', async () => {
    await appendAll(await Journal.open(store, RUN), ['a', 'b']);
    await writeFile(join(root, 'runs', RUN, 'journal', '000001.json'), '{"type":"note');
    await expect(Journal.open(store, RUN)).rejects.toThrow(`runs/${RUN}/journal/000001.json is no JSON`);
  });
});

describe('the runs in a store', () => {
  const request = (runId: string): RunRequest => ({
    runId,
    requestedAt: AT,
    requestedBy: `O'Brien "root"`,
    database: '127.0.0.1:5432/my "db"',
    project: { schema: '', lockfile: undefined, migrations: [], invariants: [] },
    policy: DEFAULT_POLICY,
  });

  it('are listed newest first, whatever else lies beside their requests', async () => {
    const ids = [0, 86_400_000, 1000].map((later) => newRunId(new Date(Date.parse(AT) + later)));
    for (const id of ids) {
      await createRun(store, request(id));
      await appendAll(await Journal.open(store, id), ['x']);
    }
    await store.putIfAbsent('runs/run-without-request/report.md', '');
    await store.putIfAbsent('leases/x.json', '{}');
    expect(await listRuns(store)).toEqual([ids[1], ids[2], ids[0]]);
    expect(await listRuns(new FileObjectStore(join(root, 'nothing', 'here')))).toEqual([]);
  });

  it('keep the request that they began with', async () => {
    await createRun(store, request(RUN));
    await createRun(store, { ...request(RUN), database: 'another' });
    expect(await readRequest(store, RUN)).toEqual(JSON.parse(JSON.stringify(request(RUN))));
  });

  it('are unknown where nobody asked for them', async () => {
    await expect(readRequest(store, RUN)).rejects.toThrow(UnknownRun);
    await expect(readRequest(store, RUN)).rejects.toThrow(`There is no run ${RUN}. See "godwit runs list".`);
  });
});
