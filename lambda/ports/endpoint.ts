/** Where the application finds its database: writes can be fenced there, and another instance put in its place. */

export type EndpointState =
  | { readonly state: 'serving' }
  | { readonly state: 'fenced'; readonly since: string; readonly reason: string }
  | { readonly state: 'cutting-over'; readonly message?: string };

export interface Endpoint {
  inspect(): Promise<EndpointState>;
  /** New transactions of the application are read-only and its open write sessions are ended; reads go on. Idempotent. */
  fence(reason: string): Promise<void>;
  /** Idempotent. */
  unfence(): Promise<void>;
  /**
   * Puts the named instance behind the application's URL and keeps the old one, stopped, under `keepAs`.
   * Idempotent; answers `passed` only once the URL serves the new instance.
   */
  cutOver(instance: string, keepAs: string): Promise<'passed' | 'waiting'>;
}
