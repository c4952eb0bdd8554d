/** `rewrite`: the zero-downtime form of a migration, with reasons, proven to end as the original does. */

import { lint } from '../../lambda/checks/lint';
import { hasErrors } from '../../lambda/domain/finding';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { parseScript } from '../../lambda/sql/parse';
import { ReplayedCatalog } from '../../lambda/sql/replay/replayed-catalog';
import { type Rewriting, type RewrittenMigration, rewriteMigration } from '../../lambda/sql/rewrite/rewrite';
import { readStanding } from '../check/standing';
import { knownDatabase, namedIn } from '../check/subject';
import type { CommandContext } from '../command';
import { readProject } from '../project-folder';
import { openGround } from '../rewrite/ground';
import { type Proof, proveEquivalence } from '../rewrite/prove';
import { FORMER_DOWN, writeRewritten } from '../rewrite/write';

const BLOCKED = 3;

export async function rewriteCommand(
  context: CommandContext,
  [wanted = '']: readonly string[],
  raw: { readonly write?: boolean },
): Promise<number> {
  const { prismaDir } = context.options;
  const known = await knownDatabase(context);
  const applied = known?.applied ?? [];
  const project = await readProject(prismaDir, { allowAnySql: true, applied: async () => applied });
  const original = namedIn(project.migrations)(wanted);
  const before = project.migrations.slice(0, project.migrations.indexOf(original));
  const rewriting = await rewriteMigration(original, await replayOf(before));
  if (rewriting.changes.length === 0) return nothingToRewrite(context, original, rewriting);
  context.terminal.note(`Proving that ${namesOf(rewriting)} ends as ${original.name} does`);
  const proof = await proveEquivalence(await openGround(context), {
    schema: project.schema,
    before,
    original: { ...original, sql: rewriting.meant ?? original.sql },
    rewritten: rewriting.migrations,
  });
  if (!proof.proven) return notProven(context, { original, rewriting, proof });
  const facts = known === undefined ? undefined : (await readStanding(known.database, [])).facts;
  const { findings } = await lint({
    before,
    migrations: rewriting.migrations.map(asMigration),
    ...(facts === undefined ? {} : { facts }),
  });
  const left = findings.filter(({ severity }) => severity === 'error');
  context.terminal.summary(
    ...linesOf(rewriting, proof),
    ...findings
      .filter(({ severity }) => severity !== 'info')
      .map(
        ({ severity, id, migration, line, subject, effect }) =>
          `Still, ${severity}: ${id} in ${migration}, line ${line}: ${subject}. ${effect}`,
      ),
  );
  const written = raw.write
    ? await writeRewritten({
        prismaDir,
        original,
        rewritten: rewriting.migrations,
        migrations: project.migrations,
        applied,
      })
    : [];
  if (written.length > 0) context.terminal.summary('', ...written.map((file) => `Wrote ${file}`));
  if (written.length > 1 && original.downSql !== undefined) {
    context.terminal.summary(
      `down.sql undid the whole: it is ${FORMER_DOWN} now. Write one for each migration.`,
    );
  }
  context.finish({
    status: 'succeeded',
    ...resultOf(original, rewriting),
    proof,
    findings,
    written,
    reason: hasErrors(left)
      ? 'rewritten as far as there is a safe form'
      : 'rewritten, and proven to end as the original does',
  });
  return 0;
}

async function replayOf(migrations: readonly Migration[]): Promise<ReplayedCatalog> {
  const replay = ReplayedCatalog.from();
  for (const { sql } of migrations) {
    for (const statement of (await parseScript(sql)).statements) replay.apply(statement);
    replay.endMigration();
  }
  return replay;
}

const asMigration = ({ name, sql }: RewrittenMigration): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

const namesOf = ({ migrations }: Rewriting): string =>
  migrations.length === 1
    ? 'the rewritten form'
    : `what it was parted into, ${migrations.length} migrations,`;

const resultOf = (original: Migration, { migrations, changes, refused }: Rewriting) => ({
  migration: original.name,
  migrations,
  changes,
  refused,
});

function nothingToRewrite(context: CommandContext, original: Migration, rewriting: Rewriting): number {
  context.terminal.summary(...refusedLines(rewriting));
  context.finish({
    status: 'nothing-to-do',
    ...resultOf(original, rewriting),
    written: [],
    reason:
      rewriting.refused.length === 0
        ? `${original.name} is in its safe form already`
        : `for what is not safe in ${original.name} no safe form is known`,
  });
  return 0;
}

interface NotProven {
  readonly original: Migration;
  readonly rewriting: Rewriting;
  readonly proof: Extract<Proof, { proven: false }>;
}

/** What was not proven is not shown either: it would be used. */
function notProven(context: CommandContext, { original, rewriting, proof }: NotProven): number {
  context.terminal.summary(...refusedLines(rewriting), ...proof.differences);
  context.finish({
    status: 'blocked',
    migration: original.name,
    changes: rewriting.changes,
    refused: rewriting.refused,
    proof,
    written: [],
    reason: 'the rewritten form was not proven to end as the original does, and nothing was written',
  });
  return BLOCKED;
}

function linesOf(rewriting: Rewriting, { notes }: Extract<Proof, { proven: true }>): readonly string[] {
  return [
    ...rewriting.migrations.flatMap(({ name, phase, sql }) => [
      '',
      `-- migrations/${name}/migration.sql (${phase})`,
      ...sql.trimEnd().split('\n'),
    ]),
    '',
    ...rewriting.changes.map(({ line, rule, reason }) => `Line ${line}, ${rule}: ${reason}.`),
    ...refusedLines(rewriting),
    ...notes.map((note) => `Note: ${note}.`),
  ];
}

const refusedLines = ({ refused }: Rewriting): readonly string[] =>
  refused.map(({ line, reason }) => `Line ${line} stays as written: ${reason}.`);
