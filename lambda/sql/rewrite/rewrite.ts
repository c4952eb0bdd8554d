/** Turns a migration as Prisma or a person wrote it into what production needs, statement by statement; what needs no change stays as written. */
import type { Migration } from '../../domain/migration';
import type { CatalogRelation } from '../catalog';
import { effectsOf } from '../effects/effects';
import { nameParts, shown } from '../names';
import { parseScript } from '../parse';
import type { ReplayedCatalog } from '../replay/replayed-catalog';
import { filesOf, type Piece } from './assemble';
import { addColumn } from './columns';
import { addConstraint, dropConstraint } from './constraints';
import { write } from './data';
import { type Answer, type Rewriter, type Rewritten, type Situation, STAGES, type Stage } from './draft';
import { dropColumn, dropObject } from './drops';
import { createIndex, dropIndex, reindex } from './indexes';
import { namesFor } from './migration-names';
import { Names } from './names';
import { setNotNull } from './not-null';
import { withQuotes } from './quotes';
import { renameColumn, renameIn, renameTable, renameValue } from './renames';
import { says, touchesRows } from './tables';
import { transactionControl } from './transactions';
import { changeType, dropDefault } from './type-change';
import { actionOf, type Unit, type UnitedScript, unitsOf } from './units';

export interface RewrittenMigration {
  /** The original's; of what is parted from it, with a later timestamp and what it is for. */
  readonly name: string;
  readonly sql: string;
  readonly downSql?: string;
  readonly phase: 'expand' | 'contract';
}

export interface Rewriting {
  readonly migrations: readonly RewrittenMigration[];
  readonly changes: readonly { readonly line: number; readonly rule: string; readonly reason: string }[];
  /** The original with its quotes put back, where it had lost some: as it was, it would fail. */
  readonly meant?: string;
  /** What has no safe form that is known to end in the same state: it stays as written. */
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

const REWRITERS: readonly Rewriter[] = [
  transactionControl,
  dropIndex,
  createIndex,
  reindex,
  dropConstraint,
  addConstraint,
  setNotNull,
  addColumn,
  dropDefault,
  changeType,
  renameColumn,
  renameTable,
  renameValue,
  dropColumn,
  dropObject,
  write,
];

/**
 * Rewriting what it answered changes nothing.
 * @throws SqlSyntaxError | SqlDirectiveError
 */
export async function rewriteMigration(migration: Migration, before: ReplayedCatalog): Promise<Rewriting> {
  const { sql, corrections } = await withQuotes(migration.sql, before);
  const united = await unitsOf(sql, await parseScript(sql));
  const walk = new Walk(united, before.copy());
  for (const unit of united.units) await walk.take(unit);
  walk.finish();
  const files = await filesOf(walk.pieces(), united.tail);
  const { refused } = walk;
  if (corrections.length === 0 && !walk.isChanged(files.length)) {
    return { migrations: [unchanged(migration, walk)], changes: [], refused };
  }
  const names = namesFor(migration.name, files);
  const down = files.length === 1 && migration.downSql !== undefined ? { downSql: migration.downSql } : {};
  const lostQuotes = corrections.map((correction) => ({ rule: 'lost-quotes', ...correction }));
  return {
    migrations: files.map((file, index) => ({
      name: names[index] ?? migration.name,
      sql: file.sql,
      ...down,
      phase: file.stage === 'expand' ? 'expand' : 'contract',
    })),
    changes: [...lostQuotes, ...walk.changes],
    refused,
    ...(corrections.length === 0 ? {} : { meant: sql }),
  };
}

const unchanged = ({ name, sql, downSql }: Migration, walk: Walk): RewrittenMigration => ({
  name,
  sql,
  ...(downSql === undefined ? {} : { downSql }),
  phase: walk.stages.every((stage) => stage !== 'expand') && walk.stages.length > 0 ? 'contract' : 'expand',
});

interface Placed {
  readonly unit: Unit;
  /** Something comes, for the sake of which the file runs before the next release. */
  readonly isGain: boolean;
  readonly stage: Stage;
  readonly bond: Piece['bond'];
  /** Absent: as written. */
  readonly statements?: readonly string[];
}

class Walk {
  readonly changes: Rewriting['changes'][number][] = [];
  readonly refused: Rewriting['refused'][number][] = [];
  readonly #united: UnitedScript;
  readonly #replay: ReplayedCatalog;
  readonly #known: ReadonlySet<number>;
  readonly #names = new Names();
  #placed: Placed[] = [];
  /** Comments above what is left out. */
  #carried = '';
  readonly #joined = new Map<Unit, Unit[]>();
  readonly #waiting: { readonly names: readonly string[]; readonly stage: Stage }[] = [];

  constructor(united: UnitedScript, replay: ReplayedCatalog) {
    this.#united = united;
    this.#replay = replay;
    this.#known = new Set(replay.catalog.rows.relations.map(({ oid }) => oid));
  }

  get stages(): readonly Stage[] {
    return this.#placed.map(({ stage }) => stage);
  }

  async take(written: Unit): Promise<void> {
    const unit =
      this.#carried === '' ? written : { ...written, leading: `${this.#carried}${written.leading}` };
    this.#carried = '';
    const situation = this.#situation(written);
    const answer = unit.isAllowed
      ? undefined
      : ((await this.#waits(unit, situation)) ?? (await answerTo(unit, situation)));
    if (answer === undefined) this.#keep(unit, situation);
    else if ('refused' in answer) {
      this.refused.push({ line: unit.line, reason: answer.refused });
      this.#keep(unit, situation);
    } else if ('joins' in answer) {
      this.#joined.set(answer.joins, [...(this.#joined.get(answer.joins) ?? []), unit]);
    } else this.#place(unit, situation, answer);
    this.#replay.apply(unit.statement);
  }

  /** Where nothing comes, nothing has to come first: all of the file waits for what it takes away. */
  finish(): void {
    const isParted = this.#placed.some(({ stage, isGain }) => stage === 'expand' && isGain);
    const last = STAGES.findLast((stage) => this.stages.includes(stage));
    if (isParted || last === undefined || last === 'expand') return;
    this.#placed = this.#placed.map((placed) =>
      placed.stage === 'expand' ? { ...placed, stage: last } : placed,
    );
  }

  /** Parting a file that only contracts would leave nothing to expand. */
  isChanged(files: number): boolean {
    const isAnyRewritten = this.#placed.some(
      ({ unit, statements }) => statements?.some((text) => text !== unit.statement.sql) === true,
    );
    return isAnyRewritten || files > 1 || this.changes.some(({ rule }) => rule === 'transaction-control');
  }

  /** Actions of one ALTER TABLE that stay as written stay one statement. */
  pieces(): readonly Piece[] {
    const pieces: Piece[] = [];
    let run: Placed[] = [];
    const flush = (): void => {
      const [first] = run;
      if (first !== undefined)
        pieces.push({ stage: first.stage, bond: first.bond, text: this.#asWritten(run) });
      run = [];
    };
    for (const placed of this.#placed) {
      const [first] = run;
      const isSame = first?.unit.source === placed.unit.source && first.stage === placed.stage;
      if (placed.statements !== undefined || !isSame) flush();
      if (placed.statements === undefined) run.push(placed);
      else pieces.push(...textsOf(placed));
    }
    flush();
    return pieces;
  }

  #asWritten(run: readonly Placed[]): string {
    const [first] = run;
    if (first === undefined) return '';
    const { leading, action, source } = first.unit;
    const isWhole = run.length === this.#united.units.filter((unit) => unit.source === source).length;
    if (isWhole) return `${leading}${this.#united.sources[source]?.sql ?? ''}`;
    const bodies = run.map(({ unit }) => unit.action?.body ?? '');
    return `${leading === '' ? '\n' : leading}${action?.head ?? ''} ${bodies.join(', ')}`;
  }

  #situation(unit: Unit): Situation {
    const { units } = this.#united;
    const at = units.indexOf(unit);
    return {
      catalog: this.#replay.catalog,
      before: units.slice(0, at),
      rest: units.slice(at + 1),
      joined: this.#joined.get(unit) ?? [],
      names: this.#names,
      isNew: ({ oid }: CatalogRelation) => !this.#known.has(oid),
    };
  }

  /** It stands on what is not there before a later stage. */
  async #waits(unit: Unit, situation: Situation): Promise<Answer> {
    for (const { names, stage } of this.#waiting) {
      const name = names.find((each) => says(unit.statement.node, each));
      if (name === undefined) continue;
      const reason = `it needs ${shown(name)} as it is after the ${stage}`;
      if (touchesRows(unit, situation)) {
        return { refused: `${reason}: put it into a migration of its own, behind this one` };
      }
      return {
        groups: [{ stage, bond: 'either', statements: [waiting(unit, situation)] }],
        rule: 'parted',
        reason,
      };
    }
    return undefined;
  }

  /** Rows that are written by one statement after the other change at once, as they did. */
  #keep(unit: Unit, { joined, catalog }: Situation): void {
    const last = this.#placed.at(-1);
    const isSeries =
      isWrite(unit) && last !== undefined && last.statements === undefined && isWrite(last.unit);
    if (isSeries) this.#placed[this.#placed.length - 1] = { ...last, bond: 'together' };
    const bond = isSeries ? 'together' : 'either';
    const isGain = !takesAway(unit) && effectsOf(unit.statement, catalog).phase === 'expand';
    for (const each of [...joined, unit]) this.#placed.push({ unit: each, stage: 'expand', bond, isGain });
  }

  #place(unit: Unit, { joined }: Situation, { groups, rule, reason, waitFor }: Rewritten): void {
    const earlier = joined.map(({ leading }) => leading).filter((leading) => leading !== '');
    const own = unit.leading === '' ? (earlier.pop() ?? '') : unit.leading;
    const leadings = [...earlier.map((leading) => leading.trimEnd()), own].join('');
    if (groups.length === 0) this.#carried = leadings.trimEnd();
    const isGain = unit.statement.kind !== 'DropStmt';
    for (const [index, { stage, bond, statements }] of groups.entries()) {
      const leading = index === 0 ? leadings : '';
      this.#placed.push({ unit: { ...unit, leading }, stage, bond, statements, isGain });
    }
    this.changes.push({ line: unit.line, rule, reason });
    if (waitFor !== undefined) this.#waiting.push(waitFor);
  }
}

/** Of two types that exchange a name, the second finds nobody who knows it by the one that it gives up. */
function waiting(unit: Unit, { rest }: Situation): string {
  const { sql } = unit.statement;
  const rename = renameIn(unit);
  if (rename?.renameType !== 'OBJECT_TYPE') return sql;
  const given = nameParts(rename.object).at(-1);
  const isTaken = rest.some((other) => renameIn(other)?.newname === given);
  return isTaken
    ? sql
    : `-- godwit:allow rename-type because it was made for this, and nobody knows its former name\n${sql}`;
}

const isWrite = ({ statement }: Unit): boolean =>
  statement.backfill === undefined &&
  ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].includes(statement.kind);

/** What is no longer demanded is no gain by itself. */
const takesAway = (unit: Unit): boolean =>
  unit.statement.kind === 'DropStmt' || actionOf(unit)?.subtype?.startsWith('AT_Drop') === true;

function textsOf({ unit, stage, bond, statements = [] }: Placed): readonly Piece[] {
  return statements.map((text, index) => ({
    stage,
    bond,
    text: `${index === 0 && unit.leading !== '' ? unit.leading : '\n'}${text}`,
  }));
}

async function answerTo(unit: Unit, situation: Situation): Promise<Answer> {
  for (const rewriter of REWRITERS) {
    const answer = await rewriter(unit, situation);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
