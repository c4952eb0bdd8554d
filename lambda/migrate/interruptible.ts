/** Tells from the catalog how far an interrupted statement got, where it cannot run in a transaction. */
import type { AlterTableStmt } from 'libpg-query';
import type { Session } from '../ports/database';
import { isConcurrent } from '../sql/facts';
import { quotedName, rangeName } from '../sql/names';
import type { Node } from '../sql/parse';
import { indexBuild, indexDrop, indexRebuild } from './interruptible-index';
import type { JsonObject } from './statement-journal';

/**
 * `absent` — nothing of it is there; `done` — what it wants is there;
 * `half-done` — a remnant is in the way of running it again; `untold` — the catalog does not tell.
 */
export type Progress = 'absent' | 'done' | 'half-done' | 'untold';

export interface Interruptible {
  /** Asked before the statement is sent, and kept in the journal: what tells its effects from what was there already. */
  note(session: Session): Promise<JsonObject>;
  /** `before`: as noted. */
  look(session: Session, before: JsonObject): Promise<Progress>;
  /** Only for `half-done`: leads to `absent` or `done`. */
  repair(session: Session, before: JsonObject): Promise<void>;
  /** What a remnant is called in messages. */
  readonly remnant: string;
}

export function interruptible(node: Node): Interruptible {
  if ('IndexStmt' in node) return indexBuild(node.IndexStmt);
  if ('DropStmt' in node) return indexDrop(node.DropStmt);
  if ('ReindexStmt' in node && isConcurrent(node)) return indexRebuild(node.ReindexStmt);
  if ('AlterTableStmt' in node) return partitionDetach(node.AlterTableStmt);
  if ('CreatedbStmt' in node) return present('pg_database', 'datname', node.CreatedbStmt.dbname);
  if ('DropdbStmt' in node) return gone('pg_database', 'datname', node.DropdbStmt.dbname);
  if ('CreateTableSpaceStmt' in node)
    return present('pg_tablespace', 'spcname', node.CreateTableSpaceStmt.tablespacename);
  if ('DropTableSpaceStmt' in node)
    return gone('pg_tablespace', 'spcname', node.DropTableSpaceStmt.tablespacename);
  if ('CreateSubscriptionStmt' in node)
    return present('pg_subscription', 'subname', node.CreateSubscriptionStmt.subname);
  if ('DropSubscriptionStmt' in node)
    return gone('pg_subscription', 'subname', node.DropSubscriptionStmt.subname);
  if ('CallStmt' in node || 'DoStmt' in node) return answering(async () => 'untold');
  // VACUUM, plain REINDEX, CLUSTER, ALTER SYSTEM and the like may be run again as often as one wants.
  return answering(async () => 'absent');
}

const answering = (look: (session: Session) => Promise<Progress>): Interruptible => ({
  note: async () => ({}),
  look,
  repair: async () => undefined,
  remnant: 'a remnant',
});

function partitionDetach(alter: AlterTableStmt): Interruptible {
  const command = alter.cmds?.[0];
  const def = command !== undefined && 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
  const parent = quotedName(rangeName(alter.relation));
  const partition = quotedName(
    rangeName(def !== undefined && 'PartitionCmd' in def ? def.PartitionCmd.name : undefined),
  );
  return {
    note: async () => ({}),
    look: async (session) => {
      const { rows } = await session.query<{ pending: boolean }>(
        `SELECT inhdetachpending AS pending FROM pg_catalog.pg_inherits
         WHERE inhparent = pg_catalog.to_regclass($1) AND inhrelid = pg_catalog.to_regclass($2)`,
        [parent, partition],
      );
      if (rows[0] === undefined) return 'done';
      return rows[0].pending ? 'half-done' : 'absent';
    },
    repair: async (session) => {
      await session.query(`ALTER TABLE ${parent} DETACH PARTITION ${partition} FINALIZE`);
    },
    remnant: `a pending detachment of ${partition}`,
  };
}

function present(catalog: string, column: string, name: string | undefined): Interruptible {
  return answering(async (session) => ((await isListed(session, catalog, column, name)) ? 'done' : 'absent'));
}

function gone(catalog: string, column: string, name: string | undefined): Interruptible {
  return answering(async (session) => ((await isListed(session, catalog, column, name)) ? 'absent' : 'done'));
}

async function isListed(
  session: Session,
  catalog: string,
  column: string,
  name: string | undefined,
): Promise<boolean> {
  const { rows } = await session.query(`SELECT 1 FROM pg_catalog.${catalog} WHERE ${column} = $1`, [
    name ?? '',
  ]);
  return rows.length > 0;
}
