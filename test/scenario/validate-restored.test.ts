/** What a restored instance must hold before it takes the place of the other. */

import { pictureCatalog } from '../../lambda/checks/catalog';
import { readContents } from '../../lambda/checks/table-content';
import type { PhaseRecords } from '../../lambda/domain/run';
import { Journal } from '../../lambda/journal/journal';
import { withSession } from '../../lambda/ports/database';
import type { Recovery } from '../../lambda/ports/recovery';
import type { SchemaEngine } from '../../lambda/ports/schema-engine';
import { keepProof } from '../../lambda/steps/proof';
import { validateRestored } from '../../lambda/steps/validate';
import { RUN, useSteps } from '../support/steps';
import { useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const steps = useSteps();
const POINT = `before-${RUN}`;

const read = <T>(work: Parameters<typeof withSession<T>>[2]): Promise<T> =>
  withSession(wallet.database, { applicationName: 'test', readOnly: true }, work);

/** The wallet's database stands for the restored instance. */
async function validated(): Promise<{ readonly verdict: string; readonly message: string | undefined }> {
  const recovery = { openInstance: async () => wallet.database } as unknown as Recovery;
  const engine = { diagnose: async () => ({ failed: [] }) } as unknown as SchemaEngine;
  const record: PhaseRecords['Snapshot'] = { restorePoint: POINT, at: steps.now.toISOString() };
  await steps.enter('InspectSnapshot', async () => ({ verdict: 'passed', message: 'done', record }));
  const { verdict } = await validateRestored(steps.context({ recovery, engine }), { runId: RUN });
  const { message } = (await Journal.open(steps.store, RUN)).checkpoint('ValidateRestored') ?? {};
  return { verdict, message };
}

async function proveAsItIs(): Promise<void> {
  await wallet.run(`INSERT INTO wallet SELECT n, 'address ' || n FROM generate_series(1, 100) AS n`);
  const [catalog, contents] = [await read(pictureCatalog), await read(readContents)];
  await keepProof(steps.store, {
    restorePoint: POINT,
    asOf: steps.now.toISOString(),
    catalog,
    contents,
    readings: {},
  });
}

test('holding exactly what the restore point held, it passes', async () => {
  await proveAsItIs();
  expect(await validated()).toMatchObject({ verdict: 'passed' });
});

test.each([
  ['a changed value', `UPDATE wallet SET address = 'another' WHERE id = 7`],
  ['a lost row', 'DELETE FROM wallet WHERE id = 7'],
  ['one row more', `INSERT INTO wallet VALUES (101, 'new')`],
])('with %s it fails, and the table is named', async (_, harm) => {
  await proveAsItIs();
  await wallet.run(harm);
  const { verdict, message } = await validated();
  expect(verdict).toBe('failed');
  expect(message).toContain(
    'public.wallet: the rows on the restored instance are not those of the restore point',
  );
});

test('with another schema it fails', async () => {
  await proveAsItIs();
  await wallet.run('CREATE INDEX ON wallet (address)');
  expect(await validated()).toMatchObject({
    verdict: 'failed',
    message: expect.stringContaining('left index'),
  });
});

test('without a proof and without readings from before, nobody can tell', async () => {
  expect(await validated()).toMatchObject({ verdict: 'indeterminate' });
});
