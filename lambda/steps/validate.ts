/** Validate: the same readings after, compared with those before; and the ledger as Prisma's own engine sees it. */
import { differenceOf, holdsNothing, isSame } from '../checks/catalog';
import { driftFinding } from '../checks/history';
import { faultsSince } from '../checks/sequences';
import { differingTables, readContents } from '../checks/table-content';
import { GodwitError } from '../domain/errors';
import type { Finding } from '../domain/finding';
import { hasErrors } from '../domain/finding';
import type { ComparisonOptions } from '../domain/invariant';
import type { Migration } from '../domain/migration';
import type { InvariantOutcome, ValidationRecord } from '../domain/run';
import { ConnectionLost, type Database, DatabaseUnreachable, withSession } from '../ports/database';
import type { RunContext, StepOutcome } from './context';
import { driftFrom } from './drift';
import { readEarly } from './early-readings';
import { type StillHolds, step } from './enter';
import { type RestorePointProof, readProof } from './proof';
import {
  brokenOnes,
  compareInvariants,
  readBefore,
  readState,
  type StateOfDatabase,
  unclearOnes,
} from './readings';
import { restoredInstanceOf } from './restore';
import { afterDecision } from './roll-back';

type Outcome = StepOutcome<ValidationRecord>;

export const validate = step<'Validate'>('Validate', async (run): Promise<Outcome> => {
  return compareWithBefore(run, { isBack: false }, async (before) => findingsOnHistory(run, before));
});

/** After a way back the schema must be what it was, line by line, and no invariant may differ. */
export const validateRolledBack = step<'ValidateRolledBack'>('ValidateRolledBack', async (run) => {
  const outcome = await compareWithBefore(run, { isBack: true }, async (before, after) => [
    ...schemaFindings(before, after),
    ...sequenceFindings(before, after),
    ...(await failedFindings(run, run.database)),
  ]);
  // A person chose the down scripts behind the fence; proven back, the application may write again.
  if (outcome.verdict === 'passed' && run.journal.record('Degrade')) await run.endpoint?.unfence();
  return { ...outcome, ...afterDecision(run) };
});

/** One that had to be made again is validated again. */
const isOfLatestInstance: StillHolds = async (_, { entries }) => {
  const [restored, validated] = ['Restore', 'ValidateRestored'].map((phase) =>
    entries.findLastIndex((entry) => entry.type === 'checkpoint' && entry.phase === phase),
  );
  return (validated ?? -1) > (restored ?? -1);
};

/**
 * Before the restored instance takes the place of the other: it must hold what the rehearsal's clone of the same restore
 * point held, row by row; without a rehearsal, or recovered to an earlier state, what was read before the migration, but
 * for what the application wrote between.
 */
export const validateRestored = step<'ValidateRestored'>(
  'ValidateRestored',
  async (run): Promise<Outcome> => {
    if (!run.recovery) return { verdict: 'indeterminate', message: 'there is no restored instance' };
    const instance = await run.recovery.openInstance(restoredInstanceOf(run.runId));
    const failed = () => failedFindings(run, instance);
    const proof = await readProof(run.store, run.journal.record('Snapshot')?.restorePoint ?? '');
    // Restored to an earlier state, it cannot hold just that.
    if (proof === undefined || run.journal.record('Restore')?.lost !== undefined) {
      const before = (await readEarly(run)) ?? (await readBefore(run));
      const isEarlier = true;
      return compare(run, { before, database: instance, isBack: true, isEarlier }, async (was, is) => [
        ...schemaFindings(was, is),
        ...(await failed()),
      ]);
    }
    return compare(run, { before: proof, database: instance, isBack: true }, async (was, is) => [
      ...schemaFindings(was, is),
      ...sequenceFindings(was, is),
      ...(await contentFindings(proof, instance)),
      ...(await failed()),
    ]);
  },
  isOfLatestInstance,
);

async function compareWithBefore(
  run: RunContext,
  { isBack }: { readonly isBack: boolean },
  findingsOf: (before: StateOfDatabase, after: StateOfDatabase) => Promise<readonly Finding[]>,
): Promise<Outcome> {
  return compare(run, { before: await readBefore(run), database: run.database, isBack }, findingsOf);
}

interface Comparison extends ComparisonOptions {
  readonly before: StateOfDatabase | undefined;
  readonly database: Database;
}

async function compare(
  run: RunContext,
  { before, database, ...options }: Comparison,
  findingsOf: (before: StateOfDatabase, after: StateOfDatabase) => Promise<readonly Finding[]>,
): Promise<Outcome> {
  if (!before)
    return { verdict: 'indeterminate', message: 'there are no readings from before to compare with' };
  const after = await readState(run, database, before.asOf);
  const invariants = compareInvariants(run, before.readings, after.readings, options);
  const findings = await findingsOf(before, after);
  const record = { invariants, findings };

  const [broken] = brokenOnes(invariants);
  if (broken) return { verdict: 'failed', message: brokenSentence(invariants), record };
  const [error] = findings.filter((finding) => finding.severity === 'error');
  if (error && hasErrors(findings))
    return { verdict: 'failed', message: `${error.subject}: ${error.effect}`, record };
  const [unclear] = unclearOnes(invariants);
  if (unclear) {
    return {
      verdict: 'indeterminate',
      message: `"${unclear.name}" could not be read: ${unclear.differences.join('; ')}`,
      record,
    };
  }
  return { verdict: 'passed', message: `${invariants.length} invariants held`, record };
}

async function contentFindings(
  { contents }: RestorePointProof,
  instance: Database,
): Promise<readonly Finding[]> {
  if (contents === undefined) return [];
  const differing = differingTables(
    contents,
    await withSession(instance, { applicationName: 'godwit contents', readOnly: true }, readContents),
  );
  if (differing.length === 0) return [];
  return [
    {
      id: 'data-not-back',
      severity: 'error',
      subject: differing.join(', '),
      effect: 'the rows on the restored instance are not those of the restore point',
      remedy: 'Keep writes fenced, and restore to an earlier restore point, or call for help.',
    },
  ];
}

/** The first difference of the first broken one; the record has the others. */
function brokenSentence(invariants: readonly InvariantOutcome[]): string {
  const broken = brokenOnes(invariants);
  const [first] = broken;
  const more = [
    ...((first?.differences.length ?? 0) > 1 ? ['more rows'] : []),
    ...(broken.length > 1 ? [`${broken.length - 1} other invariants`] : []),
  ];
  return `"${first?.name}" is broken: ${first?.differences[0]}${more.length > 0 ? `, and ${more.join(' and ')}` : ''}`;
}

async function findingsOnHistory(run: RunContext, before: StateOfDatabase): Promise<readonly Finding[]> {
  const { project } = run.request;
  const history = await run.engine.diagnose(run.database, project);
  const notApplied = new Set([...history.pending, ...history.failed]);
  const applied = project.migrations.filter((migration) => !notApplied.has(migration.name));
  const expected = run.journal.record('Preflight')?.pending ?? [];
  const missing = expected.filter((name) => notApplied.has(name));
  const drift = isBuiltFromNothing(run, before, applied) ? [] : await driftOrDoubt(run, applied);
  return [
    ...missing.map(
      (name): Finding => ({
        id: 'ledger-incomplete',
        severity: 'error',
        migration: name,
        subject: '_prisma_migrations',
        effect: `${name} was applied, and Prisma's engine does not find it applied`,
        remedy: 'Look at its rows in _prisma_migrations.',
      }),
    ),
    ...drift,
  ];
}

/** What this run made of an empty database by the whole history is what a replay of the history would make again. */
function isBuiltFromNothing(
  run: RunContext,
  before: StateOfDatabase,
  applied: readonly Migration[],
): boolean {
  const ours = new Set(run.journal.record('Migrate')?.applied ?? []);
  return holdsNothing(before.catalog) && applied.every(({ name }) => ours.has(name));
}

/** That the history could not be replayed is no harm done to the database, whose ledger and invariants are read by themselves. */
async function driftOrDoubt(run: RunContext, applied: readonly Migration[]): Promise<readonly Finding[]> {
  try {
    const drift = await driftFrom(run, applied);
    return drift === '' ? [] : [driftFinding(drift, { hasPending: true })];
  } catch (error) {
    const isAboutConnection = error instanceof ConnectionLost || error instanceof DatabaseUnreachable;
    if (!(error instanceof GodwitError) || isAboutConnection) throw error;
    return [
      {
        id: 'drift-not-proven',
        severity: 'warning',
        subject: 'schema',
        effect: `whether the database differs from its history could not be told: ${error.message}`,
        remedy:
          'Make the history replayable: every migration has to run on an empty database beside this one.',
      },
    ];
  }
}

async function failedFindings(run: RunContext, database: Database): Promise<readonly Finding[]> {
  const { failed } = await run.engine.diagnose(database, run.request.project);
  return failed.map(
    (name): Finding => ({
      id: 'failed-migration',
      severity: 'error',
      migration: name,
      subject: '_prisma_migrations',
      effect: `${name} is still recorded as failed: it would block every later deploy (P3009)`,
      remedy: `godwit resolve --rolled-back ${name}`,
    }),
  );
}

function schemaFindings(before: StateOfDatabase, after: StateOfDatabase): readonly Finding[] {
  const difference = differenceOf(before.catalog, after.catalog);
  if (isSame(difference)) return [];
  const lines = [
    ...difference.lost.map((line) => `lost ${line}`),
    ...difference.added.map((line) => `left ${line}`),
  ];
  return [
    {
      id: 'schema-not-back',
      severity: 'error',
      subject: 'schema',
      effect: `it is not what it was: ${lines.slice(0, 3).join('; ')}${lines.length > 3 ? `; and ${lines.length - 3} more` : ''}`,
      remedy: 'Restore to the restore point.',
    },
  ];
}

/** The schema says nothing of them, and no row does: the first sign would be a duplicate key. */
function sequenceFindings(before: StateOfDatabase, after: StateOfDatabase): readonly Finding[] {
  return faultsSince(before.sequences ?? {}, after.sequences ?? {}).map((fault) => ({
    id: 'sequence-not-back',
    severity: 'error',
    subject: 'sequences',
    effect: `${fault}: the next row may get a key that is taken`,
    remedy: 'Set it beyond what it had handed out, with setval.',
  }));
}
