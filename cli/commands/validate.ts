/** `validate`: readings of all invariants now, alone or against those that a run took before it migrated. */
import { takeReadings } from '../../lambda/checks/readings';
import { UsageError } from '../../lambda/domain/errors';
import { compare, parseInvariant, type Readings } from '../../lambda/domain/invariant';
import { readRequest } from '../../lambda/journal/journal';
import type { ObjectStore } from '../../lambda/ports/object-store';
import type { CommandContext } from '../command';
import { openHome } from '../home';
import { readProject } from '../project-folder';

export async function validateCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { against?: string },
): Promise<number> {
  const project = await readProject(context.options.prismaDir);
  const invariants = project.invariants.map(parseInvariant);
  const home = await openHome(context);
  const before = raw.against === undefined ? undefined : await readingsOf(home.store, raw.against);
  const asOf = before?.asOf ?? new Date().toISOString();
  const readings = await takeReadings({ database: home.database, invariants, asOf });
  const outcomes = invariants.map((invariant) => {
    const now = readings[invariant.file];
    // Alone, what must be absent is compared with nothing at all, and what must be the same with itself.
    const reference = before ? before.readings[invariant.file] : invariant.expect === 'none' ? NOTHING : now;
    return compare(invariant, reference, now);
  });
  context.terminal.summary(
    ...outcomes.map(
      (outcome) =>
        `${outcome.verdict.padEnd(13)}  ${outcome.name}  (${outcome.after})${outcome.differences.map((line) => `\n    ${line}`).join('')}`,
    ),
  );
  const held = outcomes.every((outcome) => outcome.verdict === 'held' || outcome.severity === 'warning');
  context.finish({ invariants: outcomes });
  return held ? 0 : 3;
}

const NOTHING = { rows: [], durationMs: 0 } as const;

async function readingsOf(store: ObjectStore, runId: string): Promise<{ asOf: string; readings: Readings }> {
  await readRequest(store, runId);
  const stored = await store.get(`runs/${runId}/readings/before.json`);
  if (!stored) throw new UsageError(`${runId} took no readings: it ended before Baseline.`);
  return JSON.parse(stored.body) as { asOf: string; readings: Readings };
}
