const esModules = [
  '@prisma/schema-engine-wasm',
  'log-update',
  'ansi-escapes',
  'cli-cursor',
  'restore-cursor',
  'slice-ansi',
  'strip-ansi',
  'ansi-regex',
  'ansi-styles',
  'wrap-ansi',
  'string-width',
  'get-east-asian-width',
  'is-fullwidth-code-point',
  'environment',
  'onetime',
  'mimic-function',
].join('|');

const swc = {
  jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs', ignoreDynamic: false },
};

const project = (name) => ({
  displayName: name,
  rootDir: __dirname,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { '^.+\\.(t|m?j)s$': ['@swc/jest', swc] },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules})/)`],
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/support/baseline-wasm.cjs'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/cdk.out/', '<rootDir>/.godwit/'],
});

/** @type {import('jest').Config} */
module.exports = {
  // On two cores: tests wait for servers often enough to leave room for a third.
  maxWorkers: 3,
  testTimeout: 60_000,
  projects: ['unit', 'contract', 'scenario', 'infra'].map(project),
};
