/** The record of a drill, in the object store: each step reads what those before it found, and adds its own. */
import type { DrillRecord } from '../domain/drill';
import { GodwitError, UsageError } from '../domain/errors';
import type { ObjectStore } from '../ports/object-store';

const recordKey = (drillId: string): string => `drills/${drillId}/record.json`;
export const drillReportKey = (drillId: string, format: 'md' | 'html'): string =>
  `drills/${drillId}/report.${format}`;
const LATEST = 'drills/latest.json';
const LATEST_PASSED = 'drills/latest-passed.json';

export interface DrillPointer {
  readonly drillId: string;
  /** ISO 8601: when it ended. */
  readonly at: string;
}

/** Two processes or executions work on one drill. */
export class DrillContested extends GodwitError {
  override readonly name = 'DrillContested';
  readonly kind = 'refused';

  constructor(drillId: string) {
    super(`The record of drill ${drillId} is being written by somebody else, too. Begin another drill.`);
  }
}

/** The first beginning of a drill stands. */
export async function beginRecord(store: ObjectStore, record: DrillRecord): Promise<DrillRecord> {
  await store.putIfAbsent(recordKey(record.drillId), JSON.stringify(record));
  return readRecord(store, record.drillId);
}

async function findRecord(store: ObjectStore, drillId: string): Promise<DrillRecord | undefined> {
  const stored = await store.get(recordKey(drillId));
  return stored && (JSON.parse(stored.body) as DrillRecord);
}

export async function readRecord(store: ObjectStore, drillId: string): Promise<DrillRecord> {
  const record = await findRecord(store, drillId);
  if (record === undefined) throw new UsageError(`There is no drill ${drillId}.`);
  return record;
}

/** Where nothing changes, nothing is written. */
export async function updateRecord(
  store: ObjectStore,
  drillId: string,
  change: (record: DrillRecord) => DrillRecord,
): Promise<DrillRecord> {
  const stored = await store.get(recordKey(drillId));
  if (stored === undefined) throw new UsageError(`There is no drill ${drillId}.`);
  const before = JSON.parse(stored.body) as DrillRecord;
  const after = change(before);
  if (after === before) return before;
  const { outcome } = await store.putIfMatch(recordKey(drillId), JSON.stringify(after), stored.version);
  if (outcome === 'conflict') throw new DrillContested(drillId);
  return after;
}

export async function keepReport(
  store: ObjectStore,
  drillId: string,
  report: { readonly markdown: string; readonly html: string },
): Promise<void> {
  await overwrite(store, drillReportKey(drillId, 'md'), report.markdown);
  await overwrite(store, drillReportKey(drillId, 'html'), report.html);
}

export async function pointAt(
  store: ObjectStore,
  pointer: DrillPointer,
  { hasPassed }: { readonly hasPassed: boolean },
): Promise<void> {
  await overwrite(store, LATEST, JSON.stringify(pointer));
  if (hasPassed) await overwrite(store, LATEST_PASSED, JSON.stringify(pointer));
}

export async function latestDrill(
  store: ObjectStore,
  { hasPassed = false }: { readonly hasPassed?: boolean } = {},
): Promise<DrillPointer | undefined> {
  const stored = await store.get(hasPassed ? LATEST_PASSED : LATEST);
  return stored && (JSON.parse(stored.body) as DrillPointer);
}

async function overwrite(store: ObjectStore, key: string, body: string): Promise<void> {
  const stored = await store.get(key);
  await (stored ? store.putIfMatch(key, body, stored.version) : store.putIfAbsent(key, body));
}
