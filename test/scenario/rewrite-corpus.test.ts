import { proveEquivalence } from '../../cli/rewrite/prove';
import { lint } from '../../lambda/checks/lint';
import { rewriteMigration } from '../../lambda/sql/rewrite/rewrite';
import { useCluster } from '../support/cluster';
import {
  catalogAfter,
  corpus,
  corpusBase,
  groundOn,
  migrationOf,
  PRISMA_SCHEMA,
} from '../support/rewrite-corpus';

const server = useCluster();

/** One of each kind; all of them with `npm run test:rewrites`. */
const SAMPLE: readonly string[] = [
  'changed-on-delete',
  'many-actions',
  'remove-enum-value',
  'rename-indexed-column',
  'rename-table',
  'shorter-text',
];

const isWanted = (title: string): boolean => process.env.GODWIT_REWRITES === 'full' || SAMPLE.includes(title);
const cases = corpus.filter(({ title }) => isWanted(title));

test('the corpus holds at least thirty unsafe migrations, and the linter has something against each', async () => {
  expect(corpus.length).toBeGreaterThanOrEqual(30);
  for (const { migration } of corpus) {
    const { findings } = await lint({ before: [corpusBase], migrations: [migration] });
    const faults = findings.filter(({ severity }) => severity !== 'info').map(({ id }) => id);
    expect([migration.name, faults]).not.toEqual([migration.name, []]);
  }
});

test.each(cases)(
  '$title: its safe form has no error, stays as it is, and ends as the original does',
  async ({ migration }) => {
    const { migrations, refused } = await rewriteMigration(migration, await catalogAfter([corpusBase]));
    expect(refused).toEqual([]);
    const safe = migrations.map(({ name, sql }) => migrationOf(name, sql));
    expect(safe.map(({ sql }) => sql)).not.toEqual([migration.sql]);

    const { findings } = await lint({ before: [corpusBase], migrations: safe });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);

    for (const [index, one] of safe.entries()) {
      const again = await rewriteMigration(one, await catalogAfter([corpusBase, ...safe.slice(0, index)]));
      expect(again.migrations.map(({ sql }) => sql)).toEqual([one.sql]);
    }

    const proof = await proveEquivalence(await groundOn(server), {
      schema: PRISMA_SCHEMA,
      before: [corpusBase],
      original: migration,
      rewritten: migrations,
    });
    expect(proof).toEqual({ proven: true, notes: expect.any(Array) });
  },
);
