/** `npm run test:aws`: contracts of the AWS adapters against whatever stands at AWS_ENDPOINT_URL. */
const { maxWorkers, projects } = require('./jest.config.cjs');

if (!process.env.AWS_ENDPOINT_URL) {
  process.stderr.write(`Nothing was tested: AWS_ENDPOINT_URL is not set.

Set it to an emulator of AWS that knows RDS, e.g. AWS_ENDPOINT_URL=http://localhost:4566 npm run test:aws
Also heard: AWS_REGION (eu-central-1 otherwise), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ("test" otherwise).
The tests make an RDS instance of their own, snapshots and clones of it, and delete the instances; their names
begin with godwit-. Against AWS itself they would cost money and an hour: its own URL is refused.
`);
  process.exit(2);
}

if (/\.amazonaws\.com(\.cn)?(:\d+)?\/?$/.test(process.env.AWS_ENDPOINT_URL)) {
  process.stderr.write('AWS_ENDPOINT_URL is AWS itself. These tests are for an emulator.\n');
  process.exit(2);
}

const [project] = projects;

/** @type {import('jest').Config} */
module.exports = {
  maxWorkers,
  testTimeout: 300_000,
  projects: [{ ...project, displayName: 'aws', testMatch: ['<rootDir>/test/aws/**/*.test.ts'] }],
};
