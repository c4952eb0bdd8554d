/** The lease on a database: one run at a time, by an exclusive claim that expires and carries a fencing token. */
import { randomUUID } from 'node:crypto';
import { GodwitError } from '../domain/errors';
import type { FencingToken } from '../domain/fencing-token';
import type { ObjectStore } from '../ports/object-store';

export interface LeaseRecord {
  readonly runId: string;
  /** The process or execution that works on the run. */
  readonly owner: string;
  /** Grows with every change of hands. */
  readonly fencingToken: number;
  /** Absent from leases of before there was one. */
  readonly realm?: string;
  readonly expiresAt: string;
}

export interface LeaseClaim {
  readonly database: string;
  readonly runId: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly now: Date;
  /** Whether a holder surely does no more work, although its lease has not expired. */
  isOwnerGone(owner: string): boolean;
}

/** Another run holds the database. */
export class LeaseHeld extends GodwitError {
  override readonly name = 'LeaseHeld';
  readonly kind = 'refused';
  readonly holder: LeaseRecord;

  constructor(database: string, holder: LeaseRecord) {
    super(
      `${database} is being worked on by run ${holder.runId} (${holder.owner}) until at least ${holder.expiresAt}. ` +
        `Wait for it, watch it with "godwit runs watch ${holder.runId}", or stop it with "godwit abort ${holder.runId}".`,
    );
    this.holder = holder;
  }
}

/** Takes the lease, or extends it where this owner holds it already. */
export async function claimLease(store: ObjectStore, claim: LeaseClaim): Promise<FencingToken> {
  const key = leaseKey(claim.database);
  for (;;) {
    const stored = await store.get(key);
    const held = stored ? (JSON.parse(stored.body) as LeaseRecord) : undefined;
    const mine = held !== undefined && isMine(held, claim);
    if (held && !mine && isLive(held, claim)) throw new LeaseHeld(claim.database, held);
    const realm = held?.realm ?? randomUUID();
    const next: LeaseRecord = {
      runId: claim.runId,
      owner: claim.owner,
      fencingToken: mine ? held.fencingToken : (held?.fencingToken ?? 0) + 1,
      realm,
      expiresAt: new Date(claim.now.getTime() + claim.ttlMs).toISOString(),
    };
    const body = JSON.stringify(next);
    const result = stored
      ? await store.putIfMatch(key, body, stored.version)
      : await store.putIfAbsent(key, body);
    if (result.outcome === 'written') return { realm, number: next.fencingToken };
  }
}

/**
 * A process that was suspended may wake up while another goes on with the same run: then the run's journal is the
 * other's to write.
 * @throws LeaseHeld
 */
export async function refuseWhereTakenOver(
  store: ObjectStore,
  claim: Omit<LeaseClaim, 'ttlMs'>,
): Promise<void> {
  const stored = await store.get(leaseKey(claim.database));
  const held = stored ? (JSON.parse(stored.body) as LeaseRecord) : undefined;
  if (held?.runId !== claim.runId || isMine(held, claim) || !isLive(held, claim)) return;
  throw new LeaseHeld(claim.database, held);
}

const isMine = (held: LeaseRecord, claim: Pick<LeaseClaim, 'runId' | 'owner'>): boolean =>
  held.runId === claim.runId && held.owner === claim.owner;

const isLive = (held: LeaseRecord, { now, isOwnerGone }: Pick<LeaseClaim, 'now' | 'isOwnerGone'>): boolean =>
  Date.parse(held.expiresAt) > now.getTime() && !isOwnerGone(held.owner);

/** Ends the lease at once where this owner holds it; somebody else's stays. */
export async function releaseLease(
  store: ObjectStore,
  claim: Pick<LeaseClaim, 'database' | 'runId' | 'owner' | 'now'>,
): Promise<void> {
  const key = leaseKey(claim.database);
  for (;;) {
    const stored = await store.get(key);
    if (!stored) return;
    const held = JSON.parse(stored.body) as LeaseRecord;
    if (!isMine(held, claim)) return;
    const released: LeaseRecord = { ...held, expiresAt: claim.now.toISOString() };
    // A conflict is either a takeover or a last renewal of our own: only reading again tells which.
    if ((await store.putIfMatch(key, JSON.stringify(released), stored.version)).outcome === 'written') return;
  }
}

const leaseKey = (database: string): string => `leases/${Buffer.from(database).toString('base64url')}.json`;
