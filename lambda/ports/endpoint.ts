/** Where the application finds its database: writes can be fenced there, and another instance put in its place. */
import { GodwitError } from '../domain/errors';

export type EndpointState =
  | { readonly state: 'serving' }
  | { readonly state: 'fenced'; readonly since: string; readonly reason: string }
  | { readonly state: 'cutting-over'; readonly message?: string };

export interface Endpoint {
  inspect(): Promise<EndpointState>;
  /**
   * New transactions of the application are read-only and its open write sessions are ended; reads go on. Idempotent.
   * @throws SessionsOutlastFence the fence is up, and stays
   */
  fence(reason: string): Promise<void>;
  /** Idempotent. */
  unfence(): Promise<void>;
  /**
   * Puts the named instance behind the application's URL and keeps the old one, stopped, under `keepAs`.
   * Idempotent; answers `passed` only once the URL serves the new instance.
   */
  cutOver(instance: string, keepAs: string): Promise<'passed' | 'waiting'>;
}

/** The fence is up, but somebody who began before it may still write. */
export class SessionsOutlastFence extends GodwitError {
  override readonly name = 'SessionsOutlastFence';
  readonly kind = 'unknown';
  /** For people: which, and why they go on. */
  readonly sessions: readonly string[];

  constructor(database: string, sessions: readonly string[]) {
    super(
      `${database} is fenced, but open sessions may still write to it: ${sessions.join(', ')}. End them, or fence again.`,
    );
    this.sessions = sessions;
  }
}
