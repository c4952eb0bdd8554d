/** What the watch reads of a server while a migration runs. */

export interface Vitals {
  /** ISO 8601. */
  readonly at: string;
  /** Of the watch's own smallest query: what every request of the application waits for at least. */
  readonly roundTripMs: number;
  /** Client sessions that wait for the migration, and the longest of their waits since the vitals before. */
  readonly waiting: number;
  readonly longestWaitMs: number;
  /** Client sessions of the whole server, those that run something (0 where the role may not see it), and `max_connections`. */
  readonly connections: number;
  readonly active: number;
  readonly maxConnections: number;
  /** Written by everybody since the watch began. */
  readonly walBytes: number;
  /** Of the replica furthest behind; undefined where there is none, or the role may not see it. */
  readonly replicaLagMs: number | undefined;
  readonly replicaLagBytes: number | undefined;
  readonly databaseBytes: number | undefined;
  /** Where the migration builds an index, clusters, vacuums or copies: from `pg_stat_progress_*`. */
  readonly build: Build | undefined;
}

export interface Build {
  /** In the server's words, e.g. `building index: scanning table`. */
  readonly phase: string;
  readonly done: number;
  /** 0 where the server does not tell. */
  readonly total: number;
  readonly unit: 'blocks' | 'tuples' | 'bytes' | 'sessions';
}
