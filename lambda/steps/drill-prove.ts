/** Proves that a recovered instance holds what its restore point held, and that it is sound in itself. */
import type { CatalogPicture } from '../checks/catalog';
import { differenceOf, pictureCatalog } from '../checks/catalog';
import {
  compareSequences,
  type StructureRead,
  tryConstraints,
  verifyIndexes,
} from '../checks/instance-structure';
import { readTables, type TablesRead } from '../checks/instance-tables';
import { takeReadings } from '../checks/readings';
import { readSequences } from '../checks/sequences';
import { differingTables } from '../checks/table-content';
import { type DrillCheck, type DrilledTable, ROWS_AS_RECORDED } from '../domain/drill';
import { compare, type Invariant, isAbsent, parseInvariant, type Readings } from '../domain/invariant';
import type { InvariantFile } from '../domain/migration';
import type { InvariantOutcome } from '../domain/run';
import type { Database, Session } from '../ports/database';
import { withSession } from '../ports/database';
import { pluralText } from '../report/words';
import type { RestorePointProof } from './proof';

export interface InstanceProofRequest {
  readonly instance: Database;
  readonly restorePoint: string;
  /** What it has to hold; without it, it is only proven to be sound. */
  readonly proof: RestorePointProof | undefined;
  /** Asked where there is no proof that has its own. */
  readonly invariants: readonly InvariantFile[];
  /** ISO 8601. */
  readonly now: string;
  readonly signal: AbortSignal;
  tell(message: string): void;
}

export interface InstanceProof {
  readonly checks: readonly DrillCheck[];
  readonly tables: readonly DrilledTable[];
  /** What was found in the instance, as a proof for the next one. */
  readonly found: RestorePointProof;
}

/** Reading every row, and its every index, takes too long for a drill beyond this. */
export const MOST_BYTES_TO_READ = 5_000_000_000;

export async function proveInstance(request: InstanceProofRequest): Promise<InstanceProof> {
  const { instance, proof, signal, tell } = request;
  const files = proof?.invariants ?? request.invariants;
  const invariants = files.map(parseInvariant);
  const asOf = proof?.asOf ?? request.now;
  return onInstance(request, async (session) => {
    tell('reading every table');
    const read = await readTables({
      session,
      mostBytes: MOST_BYTES_TO_READ,
      signal,
      onTable: (name, done, total) => tell(`reading ${name} (${done + 1} of ${total})`),
    });
    tell('reading schema and invariants');
    const catalog = await pictureCatalog(session);
    const readings = await takeReadings({ database: instance, invariants, asOf });
    tell('comparing indexes with their tables');
    const isWhole = read.sampled.length === 0;
    const positions = await readSequences(session);
    const indexes = await verifyIndexes(session, { compareWithTables: isWhole, signal });
    tell('trying every constraint');
    const constraints = isWhole ? await tryConstraints(session, { signal }) : undefined;
    const schema = schemaCheck(catalog, proof);
    const isSchemaKnown = schema.verdict === 'held';
    return {
      checks: [
        readabilityCheck(read),
        rowsCheck(read, proof),
        schema,
        invariantsCheck(invariants, readings, proof),
        structureCheck('Constraints', 'tried on every row', constraints, isSchemaKnown),
        structureCheck('Indexes', 'compared with their tables', indexes, isSchemaKnown),
        structureCheck(
          'Sequences',
          'compared with their columns',
          compareSequences(positions, proof?.sequences),
          isSchemaKnown,
        ),
      ],
      tables: read.tables,
      found: {
        restorePoint: request.restorePoint,
        asOf,
        catalog,
        readings,
        invariants: files,
        sequences: positions,
        readFrom: 'drill',
        ...(read.contents === undefined ? {} : { contents: read.contents }),
      },
    };
  });
}

/** A statement that runs when the drill is stopped ends with its connection. */
async function onInstance<T>(
  { instance, signal }: InstanceProofRequest,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withSession(
    instance,
    { applicationName: 'godwit drill', lockTimeoutMs: 10_000 },
    async (session) => {
      const close = (): void => void session.close();
      signal.addEventListener('abort', close, { once: true });
      try {
        signal.throwIfAborted();
        return await work(session);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', close);
      }
    },
  );
}

function readabilityCheck({ tables, problems, sampled }: TablesRead): DrillCheck {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const whole =
    sampled.length === 0 ? 'all of every table' : `samples of ${sampled.join(', ')}, and all of the others`;
  return {
    name: 'Tables readable',
    verdict: problems.length === 0 ? 'held' : 'broken',
    evidence: `${pluralText(rows, 'row')} of ${pluralText(tables.length, 'table')} read: ${whole}`,
    details: problems,
  };
}

function rowsCheck({ contents, unlogged }: TablesRead, proof: RestorePointProof | undefined): DrillCheck {
  const name = ROWS_AS_RECORDED;
  const notMade = (evidence: string): DrillCheck => ({ name, verdict: 'not-made', evidence, details: [] });
  if (proof === undefined) return notMade('nobody recorded the rows of this restore point');
  if (proof.contents === undefined)
    return notMade('the database was too large for checksums when this restore point was recorded');
  if (contents === undefined) return notMade('the database is too large for checksums of every table');
  const recorded = proof.contents;
  const differing = differingTables(recorded, contents);
  return {
    name,
    verdict: differing.length === 0 ? 'held' : 'broken',
    evidence: [
      `checksums over all rows of ${pluralText(Object.keys(recorded).length, 'table')}`,
      ...(unlogged.length > 0 ? [`not of unlogged ones, which come back empty: ${unlogged.join(', ')}`] : []),
    ].join('; '),
    details: differing.map((table) => {
      const [was, is] = [recorded[table]?.rows, contents[table]?.rows];
      if (was === undefined) return `${table}: not there at the restore point`;
      if (is === undefined) return `${table}: not recovered`;
      return was === is
        ? `${table}: other content in its ${is} rows`
        : `${table}: ${is} rows instead of ${was}`;
    }),
  };
}

function schemaCheck(catalog: CatalogPicture, proof: RestorePointProof | undefined): DrillCheck {
  const name = 'Schema as recorded';
  if (proof === undefined) {
    const evidence = 'nobody recorded the schema of this restore point';
    return { name, verdict: 'not-made', evidence, details: [] };
  }
  const { lost, added } = differenceOf(proof.catalog, catalog);
  const details = [...lost.map((line) => `lost: ${line}`), ...added.map((line) => `added: ${line}`)];
  return {
    name,
    verdict: details.length === 0 ? 'held' : 'broken',
    evidence: `${pluralText(catalog.length, 'object')} of the catalog compared`,
    details,
  };
}

const NOTHING = { rows: [], durationMs: 0 } as const;

/** Recovered, nothing may have been written since: what explains a difference on a live database explains none here. */
function invariantsCheck(
  invariants: readonly Invariant[],
  readings: Readings,
  proof: RestorePointProof | undefined,
): DrillCheck {
  const name = 'Invariants';
  if (invariants.length === 0) {
    return { name, verdict: 'not-made', evidence: 'no invariants are known of this database', details: [] };
  }
  const outcomes = invariants.map((invariant): InvariantOutcome => {
    const now = readings[invariant.file];
    const alone = invariant.expect === 'none' && !isAbsent(now) ? NOTHING : now;
    const before = proof ? proof.readings[invariant.file] : alone;
    return compare({ ...invariant, written: undefined }, before, now, { isBack: true });
  });
  const wrong = outcomes.filter(({ severity, verdict }) => severity === 'error' && verdict !== 'held');
  const isBroken = wrong.some(({ verdict }) => verdict === 'broken');
  return {
    name,
    verdict: isBroken ? 'broken' : wrong.length > 0 ? 'indeterminate' : 'held',
    evidence: `${pluralText(outcomes.length, 'invariant')} read${proof ? ', and compared with what was recorded' : ''}`,
    details: outcomes
      .filter(({ verdict }) => verdict !== 'held')
      .map((outcome) => `${outcome.name}: ${outcome.differences.join('; ')}`),
  };
}

/** What is marked as not valid is so by design where it was so at the restore point. */
function structureCheck(
  name: string,
  how: string,
  read: StructureRead | undefined,
  isSchemaKnown: boolean,
): DrillCheck {
  if (read === undefined) {
    const evidence = 'the database is too large to try them on every row';
    return { name, verdict: 'not-made', evidence, details: [] };
  }
  const { looked, broken, unclear, notValid, limits } = read;
  const isBroken = broken.length > 0 || (notValid.length > 0 && !isSchemaKnown);
  return {
    name,
    verdict: isBroken ? 'broken' : unclear.length > 0 ? 'indeterminate' : 'held',
    evidence: [`${looked} ${how}`, ...limits].join('; '),
    details: [...broken, ...unclear, ...notValid.map((object) => `${object}: marked as not valid`)],
  };
}
