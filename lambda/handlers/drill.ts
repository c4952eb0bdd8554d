/** Binds the steps of a drill to the AWS ports. */
import type { DrillInput, DrillStepName } from '../domain/drill';
import { UsageError } from '../domain/errors';
import { drillSteps, recordDrillAge } from '../steps/drill';
import { latestDrill } from '../steps/drill-book';
import type { DrillAnswer } from '../steps/drill-step';
import { portsOnce } from './compose';

export const drillHandlerFor =
  (name: DrillStepName) =>
  async (input: DrillInput): Promise<DrillAnswer> => {
    const { recovery, database, ...ports } = await portsOnce();
    if (recovery === undefined) throw new UsageError('There is nothing that a drill could restore from.');
    const { host, port, database: databaseName } = database.address;
    return drillSteps[name](
      {
        ...ports,
        recovery,
        database: `${host}:${port}/${databaseName}`,
        // Those of the runs, which lie in the journal: nobody brings a Prisma folder along.
        invariants: [],
        tell: (step, status, message) =>
          void process.stdout.write(`${JSON.stringify({ type: 'step', step, status, message })}\n`),
      },
      input,
    );
  };

export async function watchDrills(): Promise<void> {
  const ports = await portsOnce();
  await recordDrillAge(ports, await latestDrill(ports.store, { hasPassed: true }));
}
