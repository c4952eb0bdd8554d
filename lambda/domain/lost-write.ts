/** What a down script does to data that the application wrote after the migration: found on the clone, by writing there. */

export interface LostWrite {
  readonly migration: string;
  /** Quoted, with its schema. */
  readonly table: string;
  /** Bare name; absent where whole rows go. */
  readonly column?: string;
  /** `dropped`: the column or table goes; `overwritten`: another value stands there afterwards; `deleted`: the row is gone. */
  readonly how: 'dropped' | 'overwritten' | 'deleted';
}

/** `"public"."Wallet"."label"`, as people are told. */
export const placeOf = ({ table, column }: Pick<LostWrite, 'table' | 'column'>): string =>
  column === undefined ? table : `${table}."${column.replaceAll('"', '""')}"`;
