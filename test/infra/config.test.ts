import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readStageConfig, STAGES, StageConfigError } from '../../lib/config';

const { context } = JSON.parse(readFileSync(join(__dirname, '../../cdk.json'), 'utf8')) as {
  context: { stages: Record<string, Record<string, unknown>> };
};
const changed = (
  change: (prod: Record<string, unknown> & { database: Record<string, unknown> }) => void,
): unknown => {
  const stages = structuredClone(context.stages);
  change(stages.prod as never);
  return stages;
};

test.each(STAGES)('the configuration of %s is complete', (stage) => {
  expect(readStageConfig(context.stages, stage)).toMatchObject({ stage });
});

test('production is kept: two zones, 35 days, protected', () => {
  expect(readStageConfig(context.stages, 'prod').database).toMatchObject({
    multiAz: true,
    retentionDays: 35,
    deletionProtection: true,
  });
});

test.each([
  ['a missing key', (prod: { account?: unknown }) => delete prod.account, 'stages.prod.account'],
  [
    'a missing inner key',
    (prod: { database: { multiAz?: unknown } }) => delete prod.database.multiAz,
    'stages.prod.database.multiAz',
  ],
  [
    'a value of the wrong kind',
    (prod: { database: { retentionDays?: unknown } }) => Object.assign(prod.database, { retentionDays: 36 }),
    'stages.prod.database.retentionDays',
  ],
  ['a misspelt key', (prod: object) => Object.assign(prod, { notfiy: [] }), 'notfiy'],
])('%s is named', (_name, change, key) => {
  expect(() => readStageConfig(changed(change as never), 'prod')).toThrow(StageConfigError);
  expect(() => readStageConfig(changed(change as never), 'prod')).toThrow(key);
});

test('an unknown stage is named with those there are', () => {
  expect(() => readStageConfig(context.stages, 'production')).toThrow(
    /"production" is none of dev, staging, prod/,
  );
});

test('a stage without configuration is named', () => {
  expect(() => readStageConfig({}, 'dev')).toThrow('context.stages.dev');
});
