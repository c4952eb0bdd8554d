/** `godwit check` as its users run it: without a database by the history, with one by its catalog and the size of its tables. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LintFinding } from '../../lambda/checks/lint';
import { type Finished, godwit, temporaryFolder } from '../support/cli';
import { useCluster } from '../support/cluster';
import { INIT, type SmallMigration, writeSmallProject } from '../support/small-project';

const INDEX: SmallMigration = {
  name: '20260102000000_index',
  up: '-- CreateIndex\nCREATE INDEX "Account_updatedAt_idx" ON "Account"("updatedAt");\n',
};

const NOTE: SmallMigration = {
  name: '20260103000000_note',
  up: 'ALTER TABLE "Account" ADD COLUMN "note" TEXT;\n',
};

const wallet = useCluster();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let counter = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function check(
  migrations: readonly SmallMigration[],
  ...args: readonly string[]
): Promise<Finished & { readonly prisma: string; readonly findings: readonly LintFinding[] }> {
  counter += 1;
  const prisma = await writeSmallProject(join(folder.path, `prisma-${counter}`), migrations);
  return checkIn(prisma, ...args);
}

async function checkIn(prisma: string, ...args: readonly string[]) {
  const end = await godwit(['check', '--prisma', prisma, '--data-dir', join(folder.path, 'none'), ...args], {
    cwd: folder.path,
  });
  return { ...end, prisma, findings: (end.result.findings ?? []) as readonly LintFinding[] };
}

const idsOf = (findings: readonly LintFinding[]): readonly string[] =>
  findings.filter(({ severity }) => severity !== 'info').map(({ id }) => id);

describe('without a database', () => {
  test('every migration is judged by the history before it, and an error ends in exit code 3', async () => {
    const end = await check([INDEX, NOTE], '--json');
    expect(end.code).toBe(3);
    expect(end.result).toMatchObject({
      type: 'result',
      command: 'check',
      status: 'blocked',
      migrations: [INIT, INDEX.name, NOTE.name],
      statements: 4,
    });
    expect(end.findings.filter(({ severity }) => severity === 'error')).toMatchObject([
      {
        id: 'index-blocks-writes',
        migration: INDEX.name,
        statement: 1,
        line: 2,
        column: expect.any(Number),
        lock: 'ShareLock on "Account": blocks writes',
        subject: expect.any(String),
        effect: expect.any(String),
        remedy: expect.stringContaining('CONCURRENTLY'),
      },
    ]);
  });

  test('a table that the same migration makes may be indexed as it likes', async () => {
    const up = 'CREATE TABLE "New" ("id" TEXT PRIMARY KEY, "n" BIGINT);\nCREATE INDEX ON "New"("n");';
    const end = await check([{ name: INDEX.name, up }], '--json');
    expect([end.code, idsOf(end.findings)]).toEqual([0, []]);
  });

  test('migrations are named, by name or by path, and the others are not told of', async () => {
    const { prisma } = await check([INDEX, NOTE], '--json', NOTE.name);
    expect(await checkIn(prisma, '--json', NOTE.name)).toMatchObject({ code: 0 });
    const path = join(prisma, 'migrations', INDEX.name, 'migration.sql');
    expect(await checkIn(prisma, '--json', path)).toMatchObject({
      code: 3,
      result: { migrations: [INDEX.name] },
    });
    const unknown = await checkIn(prisma, 'nonsense');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('nonsense');
  });

  test('people see the source line with a caret, the lock and the way out', async () => {
    const { stdout, code } = await check([INDEX]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/error\[index-blocks-writes\] .*20260102000000_index\/migration\.sql:2:\d+/);
    expect(stdout).toMatch(/2 │ CREATE INDEX "Account_updatedAt_idx"[^\n]*\n +│ +\^/);
    expect(stdout).toContain('Lock: ShareLock on "Account": blocks writes.');
    expect(stdout).toMatch(/Blocked: 1 error/);
  });

  test('SQL that cannot be parsed ends in exit code 2, and the rest of the file is judged', async () => {
    const up = `${INDEX.up}SELEC 1;\n`;
    const end = await check([{ ...INDEX, up }], '--json');
    expect(end.code).toBe(2);
    expect(idsOf(end.findings).toSorted()).toEqual(['index-blocks-writes', 'syntax-error']);
    expect(end.findings.find(({ id }) => id === 'syntax-error')).toMatchObject({ line: 3, column: 1 });
  });

  test('warnings end in exit code 3 only where they are asked to', async () => {
    const up = 'ALTER TABLE "Account" DROP COLUMN "updatedAt";';
    const { prisma, findings, code } = await check([{ ...NOTE, up }], '--json');
    expect([code, idsOf(findings)]).toEqual([0, ['drop-column']]);
    expect(await checkIn(prisma, '--json', '--fail-on', 'warning')).toMatchObject({ code: 3 });
  });
});

describe('godwit:allow', () => {
  test('takes a finding from the verdict and shows it with its reason', async () => {
    const up = `-- godwit:allow index-blocks-writes because nobody uses it yet\n${INDEX.up}`;
    const end = await check([{ ...INDEX, up }], '--json');
    expect([end.code, idsOf(end.findings)]).toEqual([0, []]);
    expect(end.result.allowed).toMatchObject([
      { id: 'index-blocks-writes', line: 3, allowed: 'nobody uses it yet' },
    ]);
  });

  test.each([
    ['without a reason', '-- godwit:allow index-blocks-writes'],
    ['of a rule that does not exist', '-- godwit:allow index-blocks-everybody because it does'],
  ])('%s is refused with its line', async (_name, comment) => {
    const end = await check([{ ...INDEX, up: `${comment}\n${INDEX.up}` }], '--json');
    expect(end.code).toBe(2);
    expect(end.findings).toContainEqual(expect.objectContaining({ id: 'directive-not-understood', line: 1 }));
  });
});

describe('formats', () => {
  test('SARIF, annotations and Markdown have stdout for themselves', async () => {
    const { prisma, stdout: sarif } = await check([INDEX], '--format', 'sarif');
    expect(JSON.parse(sarif).runs[0].results).toContainEqual(
      expect.objectContaining({ ruleId: 'index-blocks-writes', level: 'error' }),
    );
    const github = await checkIn(prisma, '--format', 'github');
    const file = `${prisma.slice(folder.path.length + 1)}/migrations/${INDEX.name}/migration.sql`;
    expect(github.stdout).toMatch(/^::error file=/);
    expect(github.stdout).toContain(`file=${file},line=2,`);
    const markdown = await checkIn(prisma, '--format', 'markdown');
    expect(markdown.stdout).toMatch(/^## ❌ Migration check: 1 error/);
    const json = await checkIn(prisma, '--format', 'json');
    expect(json.stdout.trim().split('\n')).toHaveLength(1);
    expect(json.result).toEqual((await checkIn(prisma, '--json')).result);
    for (const end of [github, markdown, json]) expect(end.code).toBe(3);
  });

  test.each([
    [['--format', 'xml'], '--format'],
    [['--json', '--format', 'sarif'], '--json'],
    [['--fail-on', 'info'], '--fail-on'],
  ])('%j is refused with exit code 2', async (args, word) => {
    const end = await check([], ...args);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain(word);
  });
});

describe('the second opinion', () => {
  const up = 'CREATE TABLE "New" ("id" INTEGER PRIMARY KEY);\nCREATE INDEX ON "New"("id");';

  test('adds what is a matter of opinion, and leaves out what the facts refute', async () => {
    const { findings } = await check([{ ...INDEX, up }], '--json', INDEX.name);
    // Squawk itself says of the index, too, that it blocks: it does not know that the table is new.
    expect(findings.filter(({ id }) => id.startsWith('squawk-'))).toMatchObject([
      { id: 'squawk-prefer-bigint-over-int', severity: 'info', line: 1 },
    ]);
  });

  test('that cannot be had is said, and everything else is judged', async () => {
    const { prisma } = await check([INDEX]);
    await writeFile(join(prisma, '.squawk.toml'), 'excluded_rules = 3');
    const end = await checkIn(prisma, '--json');
    expect(end.code).toBe(3);
    expect(end.result.scope).toContain('Squawk gave no second opinion');
  });
});

describe('with a database', () => {
  const url = async (): Promise<string> => (await wallet.freshDatabase()).connectionString();

  async function deployed(migrations: readonly SmallMigration[] = []) {
    counter += 1;
    const prisma = await writeSmallProject(join(folder.path, `prisma-${counter}`));
    const database = ['--database-url', await url()];
    const deploy = () =>
      godwit(['deploy', '--json', '--prisma', prisma, '--data-dir', join(folder.path, 'runs'), ...database]);
    expect(await deploy()).toMatchObject({ code: 0 });
    await writeSmallProject(prisma, migrations);
    return { prisma, database, deploy };
  }

  test('only pending migrations are judged, and what reads a small table is no more than info', async () => {
    const { prisma, database } = await deployed([INDEX, NOTE]);
    const end = await checkIn(prisma, '--json', ...database);
    expect(end).toMatchObject({ code: 0, result: { migrations: [INDEX.name, NOTE.name] } });
    expect(end.findings).toContainEqual(
      expect.objectContaining({
        id: 'index-blocks-writes',
        severity: 'info',
        effect: expect.stringMatching(/goes through 1,000 rows \(\d+ kB\) of "Account"/),
      }),
    );
    expect(await checkIn(prisma, '--json', ...database, NOTE.name)).toMatchObject({
      code: 0,
      result: { migrations: [NOTE.name] },
    });
  });

  test('there is nothing to do where none is pending, and an applied one may still be named', async () => {
    const { prisma, database } = await deployed();
    expect(await checkIn(prisma, '--json', ...database)).toMatchObject({
      code: 0,
      result: { status: 'nothing-to-do', findings: [] },
    });
    expect(await checkIn(prisma, '--json', ...database, INIT)).toMatchObject({
      result: { migrations: [INIT] },
    });
  });

  test('what a run would not make harmless keeps it from beginning', async () => {
    const lost = { name: NOTE.name, up: 'CREATE INDEX CONCURRENTLY i ON "Account"(updatedAt);' };
    const { deploy } = await deployed([INDEX, lost]);
    const end = await deploy();
    expect(end.code).toBe(3);
    expect(end.result.findings).toContainEqual(
      expect.objectContaining({ id: 'lost-quotes', severity: 'error', migration: NOTE.name, line: 1 }),
    );
    expect(end.result.applied).toEqual([]);
  });

  test('that cannot be reached is said with exit code 3, and no password', async () => {
    const end = await check([], '--database-url', 'postgresql://app:s3cret@127.0.0.1:1/nowhere');
    expect(end.code).toBe(3);
    expect(end.stderr).toContain('127.0.0.1:1');
    expect(end.stderr + end.stdout).not.toContain('s3cret');
  });
});
