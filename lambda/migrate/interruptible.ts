/** Tells from the catalog how far an interrupted statement got, where it cannot run in a transaction. */
import type { AlterTableStmt, DropStmt, IndexStmt } from 'libpg-query';
import type { Session } from '../ports/database';
import { nameParts, qualifiedName, quotedName, rangeName, shownName } from '../sql/names';
import type { Node } from '../sql/parse';

/**
 * `absent` — nothing of it is there; `done` — what it wants is there;
 * `half-done` — a remnant is in the way of running it again; `untold` — the catalog does not tell.
 */
export type Progress = 'absent' | 'done' | 'half-done' | 'untold';

export interface Interruptible {
  look(session: Session): Promise<Progress>;
  /** Only for `half-done`: leads to `absent` or `done`. */
  repair(session: Session): Promise<void>;
  /** What a remnant is called in messages. */
  readonly remnant: string;
}

export function interruptible(node: Node): Interruptible {
  if ('IndexStmt' in node) return indexBuild(node.IndexStmt);
  if ('DropStmt' in node) return goneWhenDropped(node.DropStmt);
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
  // VACUUM, REINDEX, CLUSTER, ALTER SYSTEM and the like may be run again as often as one wants.
  return answering(async () => 'absent');
}

const answering = (look: (session: Session) => Promise<Progress>): Interruptible => ({
  look,
  repair: async () => undefined,
  remnant: 'a remnant',
});

function indexBuild(index: IndexStmt): Interruptible {
  const table = quotedName(rangeName(index.relation));
  const name = index.idxname ?? '';
  const find = async (session: Session): Promise<{ schema: string; valid: boolean } | undefined> => {
    const { rows } = await session.query<{ schema: string; valid: boolean }>(
      `SELECT n.nspname AS schema, i.indisvalid AS valid
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2`,
      [table, name],
    );
    return rows[0];
  };
  return {
    look: async (session) => {
      const found = await find(session);
      if (found === undefined) return 'absent';
      return found.valid ? 'done' : 'half-done';
    },
    repair: async (session) => {
      const found = await find(session);
      if (found === undefined) return;
      await session.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quotedName({ schema: found.schema, name })}`);
    },
    remnant: `an INVALID index ${shownName({ schema: undefined, name })}`,
  };
}

/** CONCURRENTLY drops one index; what an interruption leaves of it can be dropped again. */
function goneWhenDropped(drop: DropStmt): Interruptible {
  const name = quotedName(qualifiedName(nameParts(drop.objects?.[0])));
  return answering(async (session) => {
    const { rows } = await session.query<{ gone: boolean }>(
      'SELECT pg_catalog.to_regclass($1) IS NULL AS gone',
      [name],
    );
    return rows[0]?.gone === true ? 'done' : 'absent';
  });
}

function partitionDetach(alter: AlterTableStmt): Interruptible {
  const command = alter.cmds?.[0];
  const def = command !== undefined && 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
  const parent = quotedName(rangeName(alter.relation));
  const partition = quotedName(
    rangeName(def !== undefined && 'PartitionCmd' in def ? def.PartitionCmd.name : undefined),
  );
  return {
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
