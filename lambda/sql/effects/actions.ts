/** One action of an ALTER TABLE, with the tables that it concerns. */
import type { AlterTableCmd } from 'libpg-query';
import type { CatalogRelation } from '../catalog';

export interface Action {
  readonly command: AlterTableCmd;
  /** Unknown when it does not exist yet: the statement runs on what an earlier one makes. */
  readonly table: CatalogRelation | undefined;
  /** The table, and its partitions and children where the statement reaches them. */
  readonly family: readonly CatalogRelation[];
}
