/** What recovery builds on is damaged: it is told what, and what can still be returned to; the database serves on. */
import { chmod, copyFile, open, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '../../lambda/adapters/embedded/cluster-files';
import { homeAt } from '../../lambda/adapters/embedded/cluster-files';
import type { RecoveryTarget } from '../../lambda/ports/recovery';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { bounded } from '../support/bounded';
import { processesUnder } from '../support/cluster';
import { ask, type RecoveryOnCluster, recoveryOnCluster, refusal } from '../support/cluster-marks';

let under: RecoveryOnCluster;
let home: Home;
let archive: string;
/** All between the two restore points; the middle one is damaged. */
let segments: readonly string[];
let lateTargets: Readonly<Record<'restore point' | 'moment' | 'LSN', RecoveryTarget>>;

const lsnNow = async (): Promise<string> =>
  (await ask<{ lsn: string }>(under.on.database, 'SELECT pg_switch_wal()::text AS lsn')).lsn;
const early: RecoveryTarget = { kind: 'restore-point', name: 'early' };

beforeAll(async () => {
  under = await recoveryOnCluster();
  home = homeAt((await under.on.cluster.facts()).home);
  archive = join(home.archives, '1');
  await under.write('early');
  await readyRestorePoint(under, 'early');
  const before = new Set(await readdir(archive));
  for (const mark of ['between-1', 'between-2', 'between-3']) {
    await under.write(mark);
    await ask(under.on.database, 'SELECT pg_switch_wal()');
  }
  const lsn = await lsnNow();
  await under.write('late');
  await readyRestorePoint(under, 'late');
  segments = (await readdir(archive)).filter((file) => !before.has(file)).sort();
  const { at } = await ask<{ at: Date }>(under.on.database, 'SELECT clock_timestamp() AS at');
  lateTargets = {
    'restore point': { kind: 'restore-point', name: 'late' },
    moment: { kind: 'time', at: at.toISOString() },
    LSN: { kind: 'lsn', lsn },
  };
}, 60_000);
afterAll(() => under?.dispose());

const backupFolder = async (): Promise<string> =>
  join(home.baseBackups, (await readdir(home.baseBackups)).sort().at(-1) ?? '', 'data');
const inPlace = async (file: string, position: number, bytes: Buffer): Promise<void> => {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
};

/** Everything that a failed restore must leave as it was. */
async function untouched(): Promise<unknown> {
  const { url, startedByUs } = await under.on.cluster.ensureStarted();
  return {
    url,
    startedByUs,
    marks: await under.marksIn('serving'),
    points: await under.recovery.listRestorePoints(),
    instances: await readdir(home.instances).catch(() => []),
    listed: await under.recovery.listInstances(),
    processes: processesUnder(home.instances),
  };
}

/** The reason for which there is no instance, of a cluster that noticed nothing of it. */
async function refusedWhile(
  file: string,
  damage: (file: string) => Promise<void>,
  target: RecoveryTarget,
): Promise<string> {
  const before = await untouched();
  await rename(file, `${home.folder}/whole`);
  await copyFile(`${home.folder}/whole`, file);
  await chmod(file, 0o644);
  await damage(file);
  try {
    return await refusal(under, 'half', target);
  } finally {
    await rm(file, { force: true });
    await rename(`${home.folder}/whole`, file);
    expect(await untouched()).toEqual(before);
  }
}

describe('a segment of the archive between a base backup and the target', () => {
  const DAMAGES: readonly (readonly [string, (file: string) => Promise<void>, RegExp])[] = [
    ['is missing', (file) => rm(file), /it is missing/],
    ['was cut short', (file) => truncate(file, 1_048_576), /1048576 bytes instead of 16777216/],
    ['is empty', (file) => truncate(file, 0), /0 bytes instead of 16777216/],
    [
      'is garbage',
      (file) => inPlace(file, 0, Buffer.alloc(16_384, 0x5a)),
      /it does not begin like a WAL segment/,
    ],
    [
      'is of another cluster',
      (file) => inPlace(file, 24, Buffer.from('0123456789abcdef', 'hex')),
      /another database system \(17279655951921914625, this one is \d+\)/,
    ],
    [
      'is another one under its name',
      async (file) => writeFile(file, await readFile(join(archive, segments.at(-1) ?? ''))),
      /WAL of another place/,
    ],
  ];
  it.each(DAMAGES)('that %s is named, with what can still be returned to', async (_, damage, problem) => {
    const segment = segments[1] ?? '';
    const reason = await refusedWhile(join(archive, segment), damage, lateTargets['restore point']);
    expect(reason).toContain(`${join(archive, segment)} cannot be used`);
    expect(reason).toMatch(problem);
    expect(reason).toMatch(/Take a new restore point.*These restore points do without it: early\.$/);
  });

  it('that the server may not read is named, with the reason', async () => {
    const segment = segments[1] ?? '';
    const reason = await refusedWhile(
      join(archive, segment),
      (file) => chmod(file, 0),
      lateTargets['restore point'],
    );
    expect(reason).toContain(`${join(archive, segment)} cannot be used`);
    expect(reason).toMatch(/permission denied/i);
  });

  it.each(['moment', 'LSN'] as const)('is named when it is missing on the way to a %s', async (kind) => {
    const segment = segments[1] ?? '';
    const reason = await refusedWhile(join(archive, segment), (file) => rm(file), lateTargets[kind]);
    expect(reason).toContain(`${join(archive, segment)} cannot be used: it is missing`);
  });

  it('does not matter to a target before it', async () => {
    const file = join(archive, segments[1] ?? '');
    await rename(file, `${archive}-away`);
    expect(await under.marksIn(await readyInstance(under, 'early', early))).toEqual(['early']);
    await rename(`${archive}-away`, file);
    await under.recovery.discardInstance('early');
  });

  it('makes a new restore point begin with a base backup of its own', async () => {
    const file = join(archive, segments[1] ?? '');
    const backups = await readdir(home.baseBackups);
    await rename(file, `${archive}-away`);
    await readyRestorePoint(under, 'over-damage');
    expect(await readdir(home.baseBackups)).toHaveLength(backups.length + 1);
    expect(await refusal(under, 'half', lateTargets['restore point'])).toMatch(
      /do without it: over-damage, early\.$/,
    );
    const marks = await under.marksIn(
      await readyInstance(under, 'over', { kind: 'restore-point', name: 'over-damage' }),
    );
    expect(marks).toContain('late');
    await rename(`${archive}-away`, file);
    await under.recovery.discardInstance('over');
  });

  it('that is garbage behind a good beginning is found by the server, and is not built upon again', async () => {
    await under.write('garbage');
    await readyRestorePoint(under, 'garbage');
    const [segment = ''] = (await readdir(archive))
      .filter((file) => /^[0-9A-F]{24}$/.test(file))
      .sort()
      .slice(-1);
    const target: RecoveryTarget = { kind: 'restore-point', name: 'garbage' };
    const backups = await readdir(home.baseBackups);
    const reason = await refusedWhile(
      join(archive, segment),
      (file) => inPlace(file, 48, Buffer.alloc(256, 0x5a)),
      target,
    );
    expect(reason).toContain(`${join(archive, segment)} cannot be used: the server says: `);
    await readyRestorePoint(under, 'over-garbage');
    expect(await readdir(home.baseBackups)).toHaveLength(backups.length + 1);
  });
});

describe('a file of a base backup', () => {
  const DAMAGES: readonly (readonly [string, string, (file: string) => Promise<void>, RegExp])[] = [
    ['that says where its WAL begins', 'backup_label', (file) => rm(file), /it is missing/],
    ['of its state', 'global/pg_control', (file) => truncate(file, 100), /100 bytes instead of 8192/],
    ['of a table', 'base/1/1259', (file) => rm(file), /it is missing/],
    ['of transactions', 'pg_xact/0000', (file) => truncate(file, 0), /0 bytes instead of/],
  ];
  it.each(bounded(DAMAGES, 2))(
    '%s is missed, and named with what can still be returned to',
    async (_, path, damage, problem) => {
      const file = join(await backupFolder(), path);
      const reason = await refusedWhile(file, damage, { kind: 'restore-point', name: 'over-garbage' });
      expect(reason).toContain(`${file} cannot be used`);
      expect(reason).toMatch(problem);
      expect(reason).toMatch(/These restore points do without it: .*early\.$/);
    },
  );

  it('that is missing makes a new restore point begin with a base backup of its own', async () => {
    const backups = await readdir(home.baseBackups);
    await rm(join(await backupFolder(), 'backup_label'));
    await readyRestorePoint(under, 'over-missing-file');
    expect(await readdir(home.baseBackups)).toHaveLength(backups.length + 1);
  });
});

it('leads back to every restore point whose base backup and WAL are whole again', async () => {
  const marks = await under.marksIn(await readyInstance(under, 'late', lateTargets['restore point']));
  expect(marks).toEqual(['between-1', 'between-2', 'between-3', 'early', 'late']);
  await under.recovery.discardInstance('late');
});
