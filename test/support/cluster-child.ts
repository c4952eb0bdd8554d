/** A process of its own that works on a cluster, for tests in which processes meet or die. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import type { InstanceState } from '../../lambda/ports/recovery';

const [, , command, dataDir = '', projectRoot = '', name = ''] = process.argv;

async function main(): Promise<void> {
  const cluster = EmbeddedCluster.at(dataDir, { projectRoot, fsync: false });
  switch (command) {
    case 'start': {
      const { url, startedByUs } = await cluster.ensureStarted();
      console.log(JSON.stringify({ url, startedByUs }));
      return;
    }
    case 'die-in-restore-point': {
      const recovery = new EmbeddedRecovery(cluster);
      for (
        let state = await recovery.beginRestorePoint(name);
        ;
        state = await recovery.inspectRestorePoint(name)
      ) {
        if (state.state !== 'creating') throw new Error(`too late: ${JSON.stringify(state)}`);
        if (state.doneBytes !== undefined) process.kill(process.pid, 'SIGKILL');
        await sleep(1);
      }
    }
    case 'die-with-instance': {
      const recovery = new EmbeddedRecovery(cluster);
      await recovery.beginInstance(`${name}-clone`, { kind: 'restore-point', name });
      while ((await recovery.inspectInstance(`${name}-clone`)).state === 'creating') await sleep(10);
      console.log(JSON.stringify(await recovery.inspectInstance(`${name}-clone`)));
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    case 'exit-in-instance':
    case 'die-in-instance': {
      const recovery = new EmbeddedRecovery(cluster);
      const replaying = (state: InstanceState): boolean =>
        state.state === 'creating' && state.message === 'replaying WAL';
      await recovery.beginInstance(`${name}-clone`, { kind: 'restore-point', name });
      for (;;) {
        const state = await recovery.inspectInstance(`${name}-clone`);
        if (state.state !== 'creating') throw new Error(`too late: ${JSON.stringify(state)}`);
        const { instances } = (await cluster.kit()).home;
        if (replaying(state) && existsSync(join(instances, `${name}-clone`, 'data', 'postmaster.pid'))) break;
        await sleep(1);
      }
      if (command === 'exit-in-instance') process.exit(1);
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    default:
      throw new Error(`unknown command ${command}`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
