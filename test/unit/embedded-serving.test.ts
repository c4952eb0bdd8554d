import type { ServerKit } from '../../lambda/adapters/embedded/cluster-start';
import { refuseReplaced, type ServingCluster } from '../../lambda/adapters/embedded/serving';

const since = '2026-01-31T12:00:00.000Z';
const serving = (lineage: number, now: number): ServingCluster => ({
  kit: { facts: { lineages: [{ number: lineage, since }] } } as unknown as ServerKit,
  database: undefined as never,
  durable: false,
  locked: (work) => work(),
  refreshed: async () => serving(now, now),
});

it('refuses to go on with a cluster whose place another has taken', async () => {
  await expect(refuseReplaced(serving(1, 2), 'Restore point p')).rejects.toMatchObject({
    name: 'RecoveryRefused',
    message: expect.stringMatching(/^Restore point p: .*begin again/),
  });
  await refuseReplaced(serving(2, 2), 'Restore point p');
});
