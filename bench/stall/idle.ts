/** The price of building an index without blocking anybody, where nobody is there who could be blocked. */
import { join } from 'node:path';
import { withSession } from '../../lambda/ports/database';
import { Child } from './child';
import { type Surroundings, untilAborted } from './measure-run';
import type { RunnerName } from './messages';
import type { IdlePair } from './results';

/** The plain build, the concurrent one by hand, which is as good as it can get, and ours. */
const BUILDERS: readonly RunnerName[] = ['plain-client', 'lock-timeout-retry', 'godwit'];

/** Who begins changes with the round. */
export async function buildWhileIdle(around: Surroundings, round: number): Promise<IdlePair> {
  const database = await around.cluster.freshDatabase('large');
  const url = await database.connectionString();
  const build = async (runner: RunnerName): Promise<number> => {
    const child = await Child.start(join(around.projectRoot, 'dist', 'bench-runner.mjs'));
    try {
      const { projectRoot, cluster } = around;
      const request = { runner, case: 'index', url, projectRoot, scratch: cluster.folder } as const;
      await child.ask({ type: 'prepare', request }, 'prepared');
      const { ran } = await untilAborted(child.ask({ type: 'run' }, 'ran'), around.signal);
      return ran.to - ran.from;
    } finally {
      await child.end();
    }
  };
  const clear = () =>
    withSession(database, { applicationName: 'bench' }, async (session) => {
      await session.query('DROP INDEX "TokenBalance_walletId_quantity_idx"');
      await session.query('CHECKPOINT');
    });
  try {
    const took = new Map<RunnerName, number>();
    for (const runner of round % 2 === 0 ? BUILDERS : BUILDERS.toReversed()) {
      took.set(runner, await build(runner));
      await clear();
    }
    const [plainMs = 0, byHandMs = 0, concurrentlyMs = 0] = BUILDERS.map((runner) => took.get(runner));
    return { plainMs, byHandMs, concurrentlyMs };
  } finally {
    await around.cluster.drop(database);
  }
}
