/** Finds what the down scripts lose of data written after the migrations: writes on the clone, goes back, and looks. */
import { chooseTables } from '../checks/probes/choose';
import { readTables, type Tables } from '../checks/probes/columns';
import { follow, goneSince, type Loss, wasWritten } from '../checks/probes/losses';
import { type Boldness, type ProbedTable, putBack, writeProbes } from '../checks/probes/write';
import type { Finding } from '../domain/finding';
import type { LostWrite } from '../domain/lost-write';
import type { Migration } from '../domain/migration';
import { migrate } from '../migrate/executor';
import { type Session, withSession } from '../ports/database';
import { leavesDataAlone } from '../sql/data-untouched';
import { parseScript, type SqlStatement } from '../sql/parse';
import { placesLost } from '../sql/places-lost';
import { type AppliedAgain, goBack, requestOn, type Tour } from './rehearsal-clone';
import {
  losesWritesFinding,
  refusedProbesFinding,
  refusesWritesFinding,
  writesNotTriedFinding,
} from './rehearsal-findings';

interface LostWrites {
  readonly loses: readonly LostWrite[];
  readonly findings: readonly Finding[];
}

/** No statement of a probe takes long; one that does is left. */
const SESSION = {
  applicationName: 'godwit rehearsal',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 5_000,
} as const;

export async function findLostWrites(tour: Tour, again: AppliedAgain): Promise<LostWrites> {
  const { run, clone } = tour;
  const mayLose = await Promise.all(tour.migrations.map(async (each) => !(await isDataUntouched(each))));
  // Those before the first that may lose anything need not be gone back from once more.
  const first = mayLose.indexOf(true);
  if (first < 0) return { loses: [], findings: [] };
  run.tell('writing to what the migrations changed');
  return withSession(clone, SESSION, async (session) => {
    const search = new Search({ ...tour, migrations: tour.migrations.slice(first) }, again, session);
    try {
      await search.prepare();
      for (const migration of tour.migrations.slice(first).reverse()) {
        if (!(await search.goBackFrom(migration))) break;
      }
    } catch (error) {
      if (!tour.signal.aborted || error !== tour.signal.reason) throw error;
    }
    return search.result();
  });
}

const isDataUntouched = async ({ downSql = '' }: Migration): Promise<boolean> =>
  leavesDataAlone((await parseScript(downSql)).statements);

class Search {
  readonly #tour: Tour;
  readonly #again: AppliedAgain;
  readonly #session: Session;
  readonly #loses: LostWrite[] = [];
  readonly #findings: Finding[] = [];
  readonly #tried = new Set<string>();
  #end: Tables = new Map();
  #standing: Tables = new Map();
  #probed: readonly ProbedTable[] = [];
  #boldness: Boldness = 'new-ranges';

  constructor(tour: Tour, again: AppliedAgain, session: Session) {
    this.#tour = tour;
    this.#again = again;
    this.#session = session;
  }

  async prepare(): Promise<void> {
    this.#end = await readTables(this.#session);
    this.#standing = this.#end;
    const touched = await this.#write();
    const left = this.#probed.filter(({ table, refused }) => touched.has(table.oid) && refused.length > 0);
    if (left.length > 0) this.#findings.push(refusedProbesFinding(left));
  }

  /** Whether the way back can go on. */
  async goBackFrom(migration: Migration): Promise<boolean> {
    if (!(await this.#goBack(migration))) return false;
    const [before, probed] = [this.#standing, this.#probed];
    this.#standing = await readTables(this.#session);
    const following = await follow(this.#session, probed, this.#standing);
    this.#probed = following.probed;
    const losses = [...goneSince(before, this.#standing, probed), ...following.losses];
    const { regained, isBackAgain } = await this.#regained(migration, { losses, before, probed });
    this.#tried.add(migration.name);
    const lost = losses.filter((loss) => !regained.has(loss));
    const seen = lost.flatMap((loss) => this.#namesOf(migration, loss));
    const writes = [...seen, ...(await this.#unseen(migration, seen, { before, probed }))];
    this.#loses.push(...writes);
    if (writes.length > 0) this.#findings.push(losesWritesFinding(migration, writes));
    return isBackAgain;
  }

  /** Of scripts that were not reached, what their statements say. */
  async result(): Promise<LostWrites> {
    const untried = this.#tour.migrations.filter(({ name }) => !this.#tried.has(name));
    for (const migration of untried) this.#loses.push(...(await statedLosses(migration)));
    if (untried.length > 0) this.#findings.push(writesNotTriedFinding(this.#tour, untried));
    return { loses: this.#loses, findings: this.#findings };
  }

  /** Answers the oids of tables that the scripts touch. */
  async #write(): Promise<ReadonlySet<string>> {
    const { migrations, signal } = this.#tour;
    const { before, since } = this.#again;
    const scripts = await Promise.all(
      migrations.flatMap(({ sql, downSql = '' }) => [sql, downSql]).map((sql) => parseScript(sql)),
    );
    const statements = scripts.flatMap((script) => script.statements);
    const { touched, others } = await chooseTables(this.#session, statements, {
      before,
      now: this.#standing,
    });
    const tables = [...touched, ...others];
    this.#probed = await writeProbes(this.#session, {
      tables,
      before,
      since,
      signal,
      boldness: this.#boldness,
    });
    return new Set(touched.map(({ oid }) => oid));
  }

  /** A script that refuses values of the new ranges is tried once more with those that the former schema could hold. */
  async #goBack(migration: Migration): Promise<boolean> {
    const refusal = await this.#attempt(migration);
    if (refusal === undefined) return true;
    if (this.#boldness === 'former-ranges') return false;
    this.#findings.push(refusesWritesFinding(migration, refusal));
    this.#boldness = 'former-ranges';
    await putBack(this.#session, this.#probed);
    this.#standing = await readTables(this.#session);
    await this.#write();
    return (await this.#attempt(migration)) === undefined;
  }

  async #attempt(migration: Migration): Promise<string | undefined> {
    const reason = await goBack(this.#tour, migration);
    this.#tour.signal.throwIfAborted();
    return reason;
  }

  /**
   * A script that carries values over into other columns loses nothing: applied again, the migration takes them back
   * from there.
   */
  async #regained(
    migration: Migration,
    { losses, before, probed }: { losses: readonly Loss[]; before: Tables; probed: readonly ProbedTable[] },
  ): Promise<{ regained: ReadonlySet<Loss>; isBackAgain: boolean }> {
    const candidates = losses.filter((loss) => wasWritten(loss, probed));
    if (candidates.length === 0 || !(await carriesData(migration))) {
      return { regained: new Set(), isBackAgain: true };
    }
    const { signal } = this.#tour;
    const outcome = await migrate({ ...requestOn(this.#tour), migrations: [migration] });
    signal.throwIfAborted();
    if (outcome.outcome !== 'applied') return { regained: new Set(), isBackAgain: false };
    const now = await readTables(this.#session);
    const still = [...goneSince(before, now, probed), ...(await follow(this.#session, probed, now)).losses];
    const regained = candidates.filter((loss) => !still.some((other) => isOf(other, loss)));
    const isBackAgain = (await this.#attempt(migration)) === undefined;
    this.#standing = await readTables(this.#session);
    return { regained: new Set(regained), isBackAgain };
  }

  /**
   * Where nothing could be written (a table without rows or without a primary key, a key itself), or no more than a type
   * of before can hold, only the statements tell.
   */
  async #unseen(
    migration: Migration,
    seen: readonly LostWrite[],
    { before, probed }: { before: Tables; probed: readonly ProbedTable[] },
  ): Promise<readonly LostWrite[]> {
    const tables = [...before.values()];
    const stated = (await statedLosses(migration)).flatMap((place): readonly LostWrite[] => {
      // A script may leave the schema out.
      const table = tables.find(({ name }) => name === place.table || name.endsWith(`.${place.table}`));
      if (table === undefined) return [place];
      // A column that the script itself makes held nothing.
      const isThere = place.column === undefined || table.columns.some(({ name }) => name === place.column);
      return isThere ? [{ ...place, table: table.name }] : [];
    });
    return stated.filter(
      (place) =>
        place.how !== 'dropped' &&
        (this.#boldness === 'former-ranges' || !wasTried(place, probed)) &&
        !seen.some(
          ({ table, column }) => table === place.table && (column === undefined || column === place.column),
        ),
    );
  }

  /** Later migrations may have renamed it: in production, it goes by the last of its names or by that of its own time. */
  #namesOf({ name }: Migration, { table, column, how }: Loss): readonly LostWrite[] {
    const nameAt = (place: { table: string; column?: string | undefined }): LostWrite => ({
      migration: name,
      table: place.table,
      ...(place.column === undefined ? {} : { column: place.column }),
      how,
    });
    const own = nameAt({ table: table.name, column: column?.name });
    const atEnd = this.#end.get(table.oid);
    const columnAtEnd = atEnd?.columns.find(({ number }) => number === column?.number)?.name;
    if (atEnd === undefined || (column !== undefined && columnAtEnd === undefined)) return [own];
    const last = nameAt({ table: atEnd.name, column: columnAtEnd });
    return last.table === own.table && last.column === own.column ? [own] : [own, last];
  }
}

async function statedLosses({ name, downSql = '' }: Migration): Promise<readonly LostWrite[]> {
  const { statements } = await parseScript(downSql);
  return placesLost(statements).map((place) => ({ migration: name, ...place }));
}

const wasTried = ({ table: name, column }: LostWrite, probed: readonly ProbedTable[]): boolean =>
  probed.some(
    ({ table, columns, refused }) =>
      table.name === name &&
      (column === undefined ||
        columns.some((other) => other.column.name === column && !refused.includes(column))),
  );

const isOf = (still: Loss, loss: Loss): boolean =>
  still.table.oid === loss.table.oid &&
  (still.column === undefined || loss.column === undefined || still.column.number === loss.column.number);

const CARRYING: readonly string[] = [
  'UpdateStmt',
  'InsertStmt',
  'MergeStmt',
  'CreateTableAsStmt',
  'SelectStmt',
  'DoStmt',
  'CallStmt',
];

async function carriesData({ downSql = '' }: Migration): Promise<boolean> {
  const { statements } = await parseScript(downSql);
  return statements.some((statement) => CARRYING.includes(statement.kind) || hasUsing(statement));
}

/** `ALTER COLUMN … TYPE … USING` */
const hasUsing = ({ node }: SqlStatement): boolean =>
  'AlterTableStmt' in node &&
  (node.AlterTableStmt.cmds ?? []).some(
    (command) =>
      'AlterTableCmd' in command &&
      command.AlterTableCmd.def !== undefined &&
      'ColumnDef' in command.AlterTableCmd.def &&
      command.AlterTableCmd.def.ColumnDef.raw_default !== undefined,
  );
