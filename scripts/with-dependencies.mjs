/**
 * Runs a command once the project's dependencies are those of the lockfile and its bundle is built:
 * `node scripts/with-dependencies.mjs jest …`. Uses nothing but Node, since it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
  fail(`Godwit needs Node ${oldestNode.join('.')} or newer, this is ${process.versions.node}.`);
}

if (!isInstalled()) install();
if (!existsSync(join(root, 'dist', 'godwit.mjs')) || isBundleStale()) build();

const [command, ...args] = process.argv.slice(2);
if (!command) fail('usage: node scripts/with-dependencies.mjs <command> [arguments]');
const result = spawnSync(command, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}` },
  shell: process.platform === 'win32',
});
if (result.error) fail(`${command} could not be started: ${result.error.message}`);
process.exitCode = result.status ?? 1;

/** Each package is asked itself: npm's own record of what it installed changes with the lockfile alone, too. */
function isInstalled() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).every(([path, wanted]) => {
    if (path === '' || wanted.link) return true;
    const manifest = join(root, path, 'package.json');
    // Optional ones are for other platforms.
    if (!existsSync(manifest)) return wanted.optional === true;
    return JSON.parse(readFileSync(manifest, 'utf8')).version === wanted.version;
  });
}

function install() {
  const why = existsSync(join(root, 'node_modules')) ? 'differ from package-lock.json' : 'are missing';
  process.stderr.write(`Dependencies ${why}: installing them from the lockfile (once)…\n`);
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
}

function build() {
  process.stderr.write('Building the command line…\n');
  run(process.execPath, [join(root, 'scripts', 'build.mjs')], 'the build');
}

/** A bundle older than a source file would run yesterday's code. */
function isBundleStale() {
  const built = statSync(join(root, 'dist', 'godwit.mjs')).mtimeMs;
  const inputs = join(root, 'dist', 'inputs.json');
  if (!existsSync(inputs)) return true;
  return JSON.parse(readFileSync(inputs, 'utf8')).some((file) => {
    const path = join(root, file);
    return !existsSync(path) || statSync(path).mtimeMs > built;
  });
}

function run(name, args, what) {
  // Children's words go to stderr: stdout belongs to the command itself.
  const { status, error } = spawnSync(name, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (error) fail(`${what} could not be started: ${error.message}`);
  if (status !== 0) fail(`${what} failed (exit ${status}). See its output above.`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
