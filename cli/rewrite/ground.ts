/** A server of its own to prove things on, made for one command and deleted with it. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { installedWasm } from '../../lambda/adapters/prisma/installed-wasm';
import { WasmSchemaEngine } from '../../lambda/adapters/prisma/wasm-schema-engine';
import { SystemClock } from '../../lambda/adapters/system-clock';
import type { CommandContext } from '../command';
import type { ProvingGround } from './prove';

export async function openGround({ invocation, atEnd, signal }: CommandContext): Promise<ProvingGround> {
  const { projectRoot } = invocation;
  const folder = await mkdtemp(join(tmpdir(), 'godwit-rewrite-'));
  // As root the server runs as another user, who has to pass.
  await chmod(folder, 0o755);
  // What is lost with the machine has proven nothing yet.
  const cluster = EmbeddedCluster.at(join(folder, 'data'), { projectRoot, fsync: false });
  atEnd(async () => {
    await cluster.reset();
    await rm(folder, { recursive: true, force: true });
  });
  await cluster.ensureStarted();
  return {
    maintenance: await cluster.database('postgres'),
    open: (name) => cluster.database(name),
    engine: new WasmSchemaEngine({ loadWasm: installedWasm(projectRoot) }),
    clock: new SystemClock(),
    signal,
  };
}
