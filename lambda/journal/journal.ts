/** The append-only record of a run: what each step found and decided, in the order in which it happened. */
import { GodwitError } from '../domain/errors';
import type { Checkpoint, JournalEntry, Phase, PhaseRecords, RunOutcome, RunRequest } from '../domain/run';
import type { ObjectStore } from '../ports/object-store';

export const requestKey = (runId: string): string => `runs/${runId}/request.json`;
const entriesPrefix = (runId: string): string => `runs/${runId}/journal/`;

/** No run of that id was ever asked for. */
export class UnknownRun extends GodwitError {
  override readonly name = 'UnknownRun';
  readonly kind = 'usage';
  readonly runId: string;

  constructor(runId: string) {
    super(`There is no run ${runId}. See "godwit runs list".`);
    this.runId = runId;
  }
}

/** A run's id is taken once. */
export async function createRun(store: ObjectStore, request: RunRequest): Promise<'created' | 'taken'> {
  const { outcome } = await store.putIfAbsent(requestKey(request.runId), JSON.stringify(request));
  return outcome === 'written' ? 'created' : 'taken';
}

export async function readRequest(store: ObjectStore, runId: string): Promise<RunRequest> {
  const stored = await store.get(requestKey(runId));
  if (!stored) throw new UnknownRun(runId);
  return JSON.parse(stored.body) as RunRequest;
}

/** Newest first. */
export async function listRuns(store: ObjectStore): Promise<readonly string[]> {
  const keys = await store.list('runs/');
  return keys
    .filter((key) => key.endsWith('/request.json'))
    .map((key) => key.split('/')[1] ?? '')
    .sort()
    .reverse();
}

export class Journal {
  readonly runId: string;
  readonly #store: ObjectStore;
  readonly #entries: JournalEntry[];

  private constructor(store: ObjectStore, runId: string, entries: JournalEntry[]) {
    this.#store = store;
    this.runId = runId;
    this.#entries = entries;
  }

  static async open(store: ObjectStore, runId: string): Promise<Journal> {
    const journal = new Journal(store, runId, []);
    await journal.refresh();
    return journal;
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Entries are numbered: whoever finds its number taken reads what was written there and takes the next. */
  async append(entry: JournalEntry): Promise<void> {
    for (;;) {
      const index = this.#entries.length;
      const result = await this.#store.putIfAbsent(this.#key(index), JSON.stringify(entry));
      if (result.outcome === 'written') {
        // By its number: whoever refreshed meanwhile has read it already.
        this.#entries[index] = entry;
        return;
      }
      await this.refresh();
    }
  }

  async refresh(): Promise<void> {
    const keys = await this.#store.list(entriesPrefix(this.runId));
    for (let index = this.#entries.length; index < keys.length; index += 1) {
      this.#entries[index] = await this.#read(this.#key(index));
    }
  }

  async #read(key: string): Promise<JournalEntry> {
    const stored = await this.#store.get(key);
    if (!stored) throw new JournalDamaged(this.runId, key);
    try {
      return JSON.parse(stored.body) as JournalEntry;
    } catch (error) {
      throw new JournalDamaged(this.runId, key, error);
    }
  }

  checkpoint(phase: Phase): Checkpoint | undefined {
    return this.#entries.findLast(
      (entry): entry is Checkpoint => entry.type === 'checkpoint' && entry.phase === phase,
    );
  }

  record<P extends Phase>(phase: P): PhaseRecords[P] | undefined {
    return this.checkpoint(phase)?.record as PhaseRecords[P] | undefined;
  }

  get outcome(): RunOutcome | undefined {
    return this.record('Finish');
  }

  #key(index: number): string {
    return `${entriesPrefix(this.runId)}${String(index).padStart(6, '0')}.json`;
  }
}

/** An entry that must exist is missing or cannot be read. */
export class JournalDamaged extends GodwitError {
  override readonly name = 'JournalDamaged';
  readonly kind = 'unknown';

  constructor(runId: string, key: string, cause?: unknown) {
    const problem = cause === undefined ? 'is missing' : 'is no JSON';
    super(
      `In the journal of ${runId}, ${key} ${problem}. Restore that object, or inspect the database by hand.`,
      { cause },
    );
  }
}
