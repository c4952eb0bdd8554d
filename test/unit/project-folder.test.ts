import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readProject, writeMigration } from '../../cli/project-folder';
import { MigrationsFolderError } from '../../lambda/domain/errors';

const INIT = 'migrations/20250101000000_init/migration.sql';
const GOOD = {
  'schema.prisma': 'datasource db {\n  provider = "postgresql"\n}\n',
  'migrations/migration_lock.toml': '# by Prisma\nprovider = "postgresql"\n',
  [INIT]: 'CREATE TABLE a (id int);\n',
} as const;

type Files = Readonly<Record<string, string | Buffer | undefined>>;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function folder(changes: Files = {}): Promise<string> {
  const dir = join(root, 'prisma');
  const files: Files = { ...GOOD, ...changes };
  for (const [file, content] of Object.entries(files)) {
    if (content === undefined) continue;
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), content);
  }
  return dir;
}

const problemsOf = async (dir: string): Promise<MigrationsFolderError> => {
  try {
    await readProject(dir);
  } catch (error) {
    if (error instanceof MigrationsFolderError) return error;
    throw error;
  }
  throw new Error('The folder was accepted.');
};

describe('a good Prisma folder', () => {
  it('is read in the order of names, with the checksums that Prisma records', async () => {
    const later = '-- ü 🐦\r\nALTER TABLE a ADD b int;\r\n';
    const dir = await folder({
      'migrations/20250103000000_c/migration.sql': later,
      'migrations/20250103000000_c/down.sql': 'ALTER TABLE a DROP b;',
      'migrations/20250102000000_b/migration.sql': 'SELECT 1',
      'invariants/z.sql': '-- invariant: Z\n-- key: id\nSELECT 2 AS id',
      'invariants/a.sql': '-- invariant: A\n-- key: id\nSELECT 3 AS id',
      'invariants/readme.md': 'x',
      'watched/q.sql': 'UPDATE t SET a = $1',
    });
    const project = await readProject(dir);
    expect(project.migrations.map(({ name }) => name)).toEqual([
      '20250101000000_init',
      '20250102000000_b',
      '20250103000000_c',
    ]);
    expect(project.migrations[2]).toEqual({
      name: '20250103000000_c',
      sql: later,
      downSql: 'ALTER TABLE a DROP b;',
      checksum: createHash('sha256').update(later).digest('hex'),
    });
    expect(project.invariants.map(({ file }) => file)).toEqual(['invariants/a.sql', 'invariants/z.sql']);
    expect(project.watched).toEqual([{ file: 'watched/q.sql', sql: 'UPDATE t SET a = $1' }]);
    expect(project.schema).toBe(GOOD['schema.prisma']);
    expect(project.lockfile).toBe(GOOD['migrations/migration_lock.toml']);
  });

  it('may hold files that are none of ours', async () => {
    const dir = await folder({
      'migrations/README.md': 'x',
      'migrations/.DS_Store': 'x',
      'migrations/.idea/x': 'x',
      'migrations/20250101000000_init/notes.txt': 'x',
    });
    expect((await readProject(dir)).migrations).toHaveLength(1);
  });

  it('may be reached through a symbolic link, and hold links within itself', async () => {
    const dir = await folder({
      'shared.sql': 'SELECT 1',
      'migrations/20250102000000_b/down.sql': 'SELECT 1',
    });
    await symlink('../../shared.sql', join(dir, 'migrations/20250102000000_b/migration.sql'));
    await symlink(dir, join(root, 'link'));
    expect((await readProject(join(root, 'link'))).migrations[1]?.sql).toBe('SELECT 1');
  });

  it('may be new where the first migration is about to be written', async () => {
    const dir = await folder({ [INIT]: undefined, 'migrations/migration_lock.toml': undefined });
    await expect(readProject(dir)).rejects.toThrow(
      'migrations: the folder does not exist. Create the first migration',
    );
    expect((await readProject(dir, { allowNew: true })).migrations).toEqual([]);
    const written = await writeMigration(dir, { name: '20250101000000_x', sql: 'SELECT 1' });
    expect(written).toBe('migrations/20250101000000_x');
    expect((await readProject(dir)).migrations[0]?.sql).toBe('SELECT 1\n');
    await expect(writeMigration(dir, { name: '20250101000000_x', sql: 'SELECT 2' })).rejects.toThrow(
      'EEXIST',
    );
  });
});

describe('a bad Prisma folder', () => {
  const ADD = 'migrations/20250102000000_add/migration.sql';
  const DOWN = 'migrations/20250101000000_init/down.sql';

  const cases: readonly (readonly [string, Files, string, number | undefined, string])[] = [
    [
      'without schema.prisma',
      { 'schema.prisma': undefined },
      'schema.prisma',
      undefined,
      'the file does not exist. Write the schema there',
    ],
    [
      'with a watched query that is none',
      { 'watched/q.sql': 'SELECT 1;\nDROP TABLE t;' },
      'watched/q.sql',
      2,
      'a watched query is one SELECT, INSERT, UPDATE, DELETE or MERGE',
    ],
    [
      'with a watched query that cannot be explained',
      { 'watched/q.sql': '\nTRUNCATE t' },
      'watched/q.sql',
      2,
      'a watched query is one SELECT',
    ],
    [
      'with a watched query that cannot be parsed',
      { 'watched/q.sql': 'SELEC 1' },
      'watched/q.sql',
      1,
      'Correct the query.',
    ],
    [
      'without migration_lock.toml',
      { 'migrations/migration_lock.toml': undefined },
      'migrations/migration_lock.toml',
      undefined,
      'does not exist. Write `provider = "postgresql"`',
    ],
    [
      'for another database',
      { 'migrations/migration_lock.toml': '# x\nprovider = "mysql"\n' },
      'migrations/migration_lock.toml',
      2,
      'written for "mysql". Godwit migrates Postgres only',
    ],
    [
      'without a provider',
      { 'migrations/migration_lock.toml': '# x\n' },
      'migrations/migration_lock.toml',
      undefined,
      'names no provider. Write',
    ],
    [
      'with a migration that has no migration.sql',
      { 'migrations/20250102000000_add/readme': 'x' },
      ADD,
      undefined,
      'does not exist. Write the migration there, or delete the folder',
    ],
    [
      'with an empty migration',
      { [ADD]: '-- nothing yet\n/* nor here */\n' },
      ADD,
      undefined,
      'holds no statement. Write its statements, or delete it',
    ],
    ['with an empty down script', { [DOWN]: ' \n' }, DOWN, undefined, 'holds no statement'],
    [
      'with a syntax error',
      { [ADD]: 'SELECT 1;\n\nALTER TABEL a ADD b int;\n' },
      ADD,
      3,
      'syntax error at or near "TABEL". Correct the statement',
    ],
    [
      'with a syntax error in a down script',
      { [DOWN]: '\nDROP TABEL a;' },
      DOWN,
      2,
      'syntax error at or near "TABEL"',
    ],
    [
      'with transaction control',
      { [ADD]: 'SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;' },
      ADD,
      2,
      'begins or ends transactions itself. Delete BEGIN, COMMIT',
    ],
    [
      'with a file that is not UTF-8',
      { [ADD]: Buffer.from("SELECT 1;\nSELECT '\xe4';", 'latin1') },
      ADD,
      2,
      'not valid UTF-8. Save it as UTF-8',
    ],
    ['with a byte order mark', { [ADD]: '\uFEFFSELECT 1' }, ADD, 1, 'byte order mark'],
    [
      'with a name without timestamp',
      { 'migrations/add_index/migration.sql': 'SELECT 1' },
      'migrations/add_index',
      undefined,
      'its name is not a timestamp',
    ],
    [
      'with two migrations of one timestamp',
      { 'migrations/20250101000000_other/migration.sql': 'SELECT 1' },
      'migrations/20250101000000_init',
      undefined,
      'same timestamp as 20250101000000_other',
    ],
  ];

  it.each(cases)('%s is refused with file, line and remedy', async (_, files, file, line, message) => {
    const error = await problemsOf(await folder(files));
    expect(error.message).toContain(message);
    expect({ file: error.file, line: error.line }).toEqual({ file, line });
    expect(error.message).toContain(line === undefined ? `${file}: ` : `${file}:${line}: `);
  });

  it('that does not exist is named, with the option that names another', async () => {
    const error = await problemsOf(join(root, 'nowhere'));
    expect(error.message).toContain(`${join(root, 'nowhere')}: the Prisma folder does not exist`);
    expect(error.message).toContain('--prisma');
  });

  it('with links that lead outside is refused, and what they lead to is not read', async () => {
    const dir = await folder({ 'migrations/20250103000000_x/down.sql': 'SELECT 1' });
    await mkdir(join(root, 'elsewhere'));
    await writeFile(join(root, 'elsewhere/migration.sql'), 'SELECT 1');
    await symlink(join(root, 'elsewhere'), join(dir, 'migrations/20250102000000_add'));
    await symlink('../../../elsewhere/migration.sql', join(dir, 'migrations/20250103000000_x/migration.sql'));
    const { message } = await problemsOf(dir);
    expect(message).toContain(`${ADD}: it is a symbolic link to ../elsewhere`);
    expect(message).toContain('migrations/20250103000000_x/migration.sql: it is a symbolic link');
    expect(message).toContain('Replace the link by a copy');
  });

  it('with a broken link is refused', async () => {
    const dir = await folder({ 'migrations/20250102000000_add/down.sql': 'SELECT 1' });
    await symlink('nowhere', join(dir, ADD));
    expect((await problemsOf(dir)).message).toContain('broken symbolic link');
  });

  it('with several problems is told all of them, a line each', async () => {
    const dir = await folder({
      'migrations/migration_lock.toml': 'provider = "sqlite"',
      [ADD]: 'SELEC 1',
      'migrations/20250103000000_c/migration.sql': '',
      'migrations/20250103000000_c/down.sql': 'COMMIT',
    });
    const lines = (await problemsOf(dir)).message.split('\n').map((line) => line.split(': ')[0]);
    expect(lines).toEqual([
      `${ADD}:1`,
      'migrations/20250103000000_c/down.sql:1',
      'migrations/20250103000000_c/migration.sql',
      'migrations/migration_lock.toml:1',
    ]);
  });
});

describe('what is history', () => {
  const dir = () =>
    folder({
      'migrations/20250102000000_add/migration.sql': 'BEGIN; SELECT 1; COMMIT;',
      'migrations/20250103000000_empty/migration.sql': '-- This is an empty migration.',
      'migrations/20250103000000_same/migration.sql': 'SELECT 1',
      'migrations/initial/migration.sql': 'SELECT 1',
    });
  const history = ['20250102000000_add', '20250103000000_empty', '20250103000000_same', 'initial'];

  it('does not keep its database from being migrated on', async () => {
    const project = await readProject(await dir(), { applied: async () => history });
    expect(project.migrations).toHaveLength(5);
  });

  it('is a problem as long as any of it is still to be applied', async () => {
    const reading = readProject(await dir(), { applied: async () => history.slice(0, 2) });
    await expect(reading).rejects.toThrow('has the same timestamp as 20250103000000_same');
    await expect(readProject(await dir(), { applied: async () => [] })).rejects.toThrow(
      'begins or ends transactions',
    );
  });

  it('is still read: its texts are needed to replay it', async () => {
    const broken = await folder({ [INIT]: Buffer.from("SELECT '\xe4'", 'latin1') });
    const reading = readProject(broken, { applied: async () => ['20250101000000_init'] });
    await expect(reading).rejects.toThrow('not valid UTF-8');
  });
});

it('reads two thousand migrations, most of them history', async () => {
  const names = Array.from({ length: 2000 }, (_, index) => `${20250101000000 + index}_m`);
  const dir = await folder({
    [INIT]: undefined,
    ...Object.fromEntries(names.map((name) => [`migrations/${name}/migration.sql`, 'SELECT 1;'])),
  });
  const project = await readProject(dir, { applied: async () => names.slice(0, 1990) });
  expect(project.migrations).toHaveLength(2000);
});
