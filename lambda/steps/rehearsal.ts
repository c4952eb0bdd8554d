/** What a rehearsal does on its clone: keeps what the restore point holds, applies, takes readings, and proves the way back. */
import { type CatalogPicture, pictureCatalog } from '../checks/catalog';
import { driftFinding } from '../checks/history';
import { type Contents, readContents } from '../checks/table-content';
import { GodwitError } from '../domain/errors';
import type { Finding } from '../domain/finding';
import type { Migration } from '../domain/migration';
import type { Warmth } from '../domain/rehearsal';
import type { PhaseRecords } from '../domain/run';
import type { Database } from '../ports/database';
import type { LostCommits } from '../ports/recovery';
import { pendingMigrations, type RunContext } from './context';
import { driftFrom } from './drift';
import { abortSignal } from './enter';
import { outlastingFindings } from './outlasting';
import { keepProof } from './proof';
import { brokenOnes, compareInvariants, readState, type StateOfDatabase, unclearOnes } from './readings';
import { onClone } from './rehearsal-clone';
import { brokenFinding, noDownFinding } from './rehearsal-findings';
import { unforeseenFindings } from './rehearsal-measured-findings';
import { conclude, Measures } from './rehearsal-measures';
import { Up } from './rehearsal-up';
import { warmUp } from './rehearsal-warm-up';
import { proveWayBack } from './rehearsal-way-back';
import { restorePointOf } from './snapshot';

type Rehearsal = Omit<PhaseRecords['Rehearse'], 'durationMs'>;

/** Reading every row twice takes too long beyond this; down scripts of larger databases are proven by catalog and invariants. */
const MOST_BYTES_TO_CHECKSUM = 5_000_000_000;

/** @param lost what the clone lacks of its restore point, where an older state had to do */
export async function rehearseOn(run: RunContext, clone: Database, lost?: LostCommits): Promise<Rehearsal> {
  const abort = abortSignal(run);
  try {
    return await rehearse({ ...run, signal: abort.signal }, clone, { isExact: lost === undefined });
  } finally {
    abort.stop();
  }
}

interface Standing {
  readonly state: StateOfDatabase;
  readonly contents: Contents | undefined;
}

async function rehearse(
  run: RunContext,
  clone: Database,
  { isExact }: { readonly isExact: boolean },
): Promise<Rehearsal> {
  const migrations = pendingMigrations(run);
  const asOf = run.clock.now().toISOString();
  const before = await standingOf(run, clone, asOf);
  if (isExact) {
    const restorePoint = restorePointOf(run.runId);
    await keepProof(run.store, { ...before.state, restorePoint, ...contentsIn(before) });
  }
  const reversible = migrations.findLastIndex(({ downSql }) => downSql === undefined) + 1;

  const signal = AbortSignal.any([run.signal, overdueSignal(run)]);
  const measures = await Measures.begin(run, clone, await warmthOf(run, clone, before));
  const up = new Up(run, clone, signal);
  const pictures: CatalogPicture[] = [before.state.catalog];
  let start = before;
  for (const [index, migration] of migrations.entries()) {
    if (index > 0 && index === reversible) start = await standingOf(run, clone, asOf);
    const finding = await up.apply(migration);
    if (finding) return { ...nothing, statements: up.statements, findings: [finding] };
    pictures.push(await onClone(clone, pictureCatalog));
  }
  const { statements, totalMs, longestBlockingMs } = up;
  const effects = await measures.end(statements);
  const after = await readState(run, clone, asOf);
  const invariants = compareInvariants(run, before.state.readings, after.readings);
  const broken = [...brokenOnes(invariants), ...unclearOnes(invariants)];
  const replay = await replayFindings(run, clone, migrations);
  const [blocking] = migrations.slice(0, reversible).slice(-1);
  const back = await proveWayBack({
    run,
    clone,
    signal,
    asOf,
    migrations: migrations.slice(reversible),
    history: historyBefore(run, migrations[reversible]),
    pictures: pictures.slice(reversible),
    contents: start.contents,
    sequences: start.state.sequences ?? {},
    readings: start.state.readings,
  });
  const ran = { statements, totalMs, longestBlockingMs, again: back.again };
  const foretold = await conclude(run, effects, ran);
  const outlasting = await outlastingFindings(run, migrations, statements);
  const wayBack = [...(blocking ? [noDownFinding(blocking)] : []), ...back.findings];
  return {
    statements,
    invariants,
    findings: [
      ...broken.map(brokenFinding),
      ...outlasting,
      ...foretold.findings,
      ...replay,
      ...unforeseenFindings(statements),
      ...wayBack,
    ],
    downProven: back.proven,
    downLoses: back.loses,
    longestBlockingMs,
    estimate: foretold.estimate,
    plans: effects.plans,
    asks: foretold.asks,
  };
}

async function standingOf(run: RunContext, clone: Database, asOf: string): Promise<Standing> {
  const state = await readState(run, clone, asOf);
  return { state, contents: await contentsOf(run, clone) };
}

/** Whoever has read every row of it has warmed its storage. */
const warmthOf = async (run: RunContext, clone: Database, { contents }: Standing): Promise<Warmth> =>
  contents === undefined ? warmUp(run, clone) : { state: 'warm', unread: [] };

const contentsIn = ({ contents }: Standing): { contents?: Contents } =>
  contents === undefined ? {} : { contents };

function historyBefore(run: RunContext, first: Migration | undefined): readonly Migration[] {
  const { migrations } = run.request.project;
  return migrations.slice(
    0,
    migrations.findIndex(({ name }) => name === first?.name),
  );
}

/** So that a statement that takes for ever is told of, and not just the step that it took along. */
const overdueSignal = ({ endsOverdueSteps, deadline, clock }: RunContext): AbortSignal =>
  endsOverdueSteps
    ? AbortSignal.timeout(Math.max(0, deadline.getTime() - clock.now().getTime()))
    : new AbortController().signal;

/**
 * After the migration Validate replays the whole history beside production: what keeps it from that, as a role that
 * exists already in the cluster, is to be known before anything is changed.
 */
async function replayFindings(
  run: RunContext,
  clone: Database,
  pending: readonly Migration[],
): Promise<readonly Finding[]> {
  const { migrations } = run.request.project;
  const last = migrations.findIndex(({ name }) => name === pending.at(-1)?.name);
  try {
    const drift = await driftFrom(run, migrations.slice(0, last + 1), clone);
    return drift === '' ? [] : [driftFinding(drift, { hasPending: true })];
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    return [
      {
        id: 'history-not-replayable',
        severity: 'error',
        subject: 'migrations',
        effect: `the history, with the pending migrations, cannot be replayed on an empty database beside this one: ${error.message}`,
        remedy: 'Create what belongs to the whole cluster, as roles, only where it is not there yet.',
      },
    ];
  }
}

const nothing = { invariants: [], downProven: [], longestBlockingMs: 0 } as const;

async function contentsOf(run: RunContext, clone: Database): Promise<Contents | undefined> {
  const bytes = run.journal.record('Preflight')?.databaseBytes ?? 0;
  return bytes > MOST_BYTES_TO_CHECKSUM
    ? undefined
    : onClone(clone, (session) => readContents(session, run.signal));
}
