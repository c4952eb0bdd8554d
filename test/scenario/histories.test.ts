/** Whatever fails wherever, while the application writes: the ladder ends with the database as it was. */
import * as fc from 'fast-check';
import { disposeCluster, startTestCluster, type TestCluster } from '../support/cluster';
import { type History, histories } from '../support/history-kinds';
import { HistoryRuns } from '../support/history-run';

const isFull = process.env.GODWIT_HISTORIES === 'full';
const seed = Number(process.env.GODWIT_HISTORIES_SEED ?? Date.now() % 1_000_000);
const COUNT = 50;

jest.setTimeout(isFull ? 30 * 60_000 : 120_000);

let on: TestCluster;
let runs: HistoryRuns;
beforeAll(async () => {
  on = await startTestCluster();
  runs = new HistoryRuns(on);
}, 60_000);
afterAll(async () => {
  await runs?.close();
  await disposeCluster(on.cluster);
});

/** One for each way back, so that the bounded sample takes both. */
const SAMPLE: readonly (readonly [string, History, string])[] = [
  [
    'a concurrent index and a filled column, an invariant broken in the middle, down scripts rehearsed',
    {
      migrations: [
        { kind: 'builds an index concurrently', hasDown: true },
        { kind: 'adds and fills a column', hasDown: true },
      ],
      stepwise: false,
      failure: 'invariant',
      failsAt: 1,
      rehearse: true,
      writers: 2,
      writerPauseMs: 2,
    },
    'rolled-back',
  ],
  [
    'values overwritten for good, and the session lost in the last statement',
    {
      migrations: [
        { kind: 'overwrites values', hasDown: false },
        { kind: 'makes a table', hasDown: true },
      ],
      stepwise: true,
      failure: 'session',
      failsAt: 2,
      rehearse: false,
      writers: 2,
      writerPauseMs: 2,
    },
    'restored',
  ],
];

describe('while the application writes', () => {
  if (!isFull) {
    test.each(SAMPLE)('%s: all is as it was', async (_, history, status) => {
      const { outcome, differences } = await runs.run(history);
      expect({ differences, outcome }).toMatchObject({ differences: [], outcome: { status } });
    });
    return;
  }
  test(`${COUNT} random histories (seed ${seed}) end as they began`, async () => {
    const ended: Record<string, number> = {};
    for (const [index, history] of fc.sample(histories, { numRuns: COUNT, seed }).entries()) {
      const { outcome, differences } = await runs.run(history);
      ended[outcome.status] = (ended[outcome.status] ?? 0) + 1;
      const told = JSON.stringify({ index, seed, history, outcome });
      expect({ told, differences }).toEqual({ told, differences: [] });
      expect(['rolled-back', 'restored']).toContain(outcome.status);
    }
    // Both ways back were taken, or the sample says little.
    expect(Object.keys(ended).sort()).toEqual(['restored', 'rolled-back']);
    process.stdout.write(`Histories by how they ended: ${JSON.stringify(ended)}\n`);
  });
});
