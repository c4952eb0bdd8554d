/** The two commands on a fresh machine: what is missing or stale is installed from the lockfile first, and said. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot, temporaryFolder } from '../support/cli';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

/** A project with one dependency, a package in a file beside it, so that no registry is asked. */
beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'scripts'));
  await cp(
    join(projectRoot, 'scripts', 'with-dependencies.mjs'),
    join(folder.path, 'scripts', 'with-dependencies.mjs'),
  );
  await writeFile(
    join(folder.path, 'scripts', 'build.mjs'),
    `import { mkdirSync, writeFileSync } from 'node:fs';
     mkdirSync('dist', { recursive: true });
     writeFileSync('dist/godwit.mjs', '');
     writeFileSync('dist/inputs.json', '["package.json"]');`,
  );
  await writeDependency('1.0.0');
});
afterAll(() => folder.remove());

async function writeDependency(version: string): Promise<void> {
  const dependency = join(folder.path, 'dependency');
  await mkdir(dependency, { recursive: true });
  await writeFile(
    join(dependency, 'package.json'),
    JSON.stringify({ name: 'dependency', version, bin: 'run.mjs' }),
  );
  await writeFile(
    join(dependency, 'run.mjs'),
    '#!/usr/bin/env node\nconsole.log("it ran", ...process.argv.slice(2));\nprocess.exitCode = 7;\n',
  );
  npm('pack', dependency, '--pack-destination', folder.path);
  const dependencies = { dependency: `file:dependency-${version}.tgz` };
  await writeFile(
    join(folder.path, 'package.json'),
    JSON.stringify({ name: 'project', version: '1.0.0', dependencies }),
  );
  npm('install', '--package-lock-only', '--no-audit', '--no-fund');
}

const npm = (...args: string[]) => spawnSync('npm', args, { cwd: folder.path, encoding: 'utf8' });

const run = () =>
  spawnSync(process.execPath, [join(folder.path, 'scripts', 'with-dependencies.mjs'), 'dependency', 'a b'], {
    cwd: folder.path,
    encoding: 'utf8',
  });

test('installs what is missing, says so, and hands the command its arguments and its exit code on', () => {
  const first = run();
  expect(first.stderr).toContain('Dependencies are missing: installing them from the lockfile');
  expect(first.stdout).toBe('it ran a b\n');
  expect(first.status).toBe(7);
});

test('installs nothing when all is there', () => {
  expect(run()).toMatchObject({ stderr: '', stdout: 'it ran a b\n' });
});

test('installs anew when the lockfile changed', async () => {
  await writeDependency('2.0.0');
  expect(run().stderr).toContain('Dependencies differ from package-lock.json: installing');
  expect(
    JSON.parse(await readFile(join(folder.path, 'node_modules', '.package-lock.json'), 'utf8')),
  ).toMatchObject({
    packages: { 'node_modules/dependency': { version: '2.0.0' } },
  });
  expect(run().stderr).toBe('');
});
