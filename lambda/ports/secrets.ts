/** Credentials by name; values never reach logs, state or reports. */
export interface DatabaseCredentials {
  readonly user: string;
  readonly password: string;
}

export interface Secrets {
  databaseCredentials(name: string): Promise<DatabaseCredentials>;
}
