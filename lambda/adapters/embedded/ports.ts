/** Finds TCP ports that nobody listens on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './files';

/** Below the range from which Linux and macOS take ports for outgoing connections: kept ones stay free over a reboot. */
const FIRST = 15_432;
const LAST = 32_767;

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (hasCode(error, 'EADDRINUSE', 'EACCES') ? resolve(false) : reject(error)));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Free when it was looked at: whoever uses it must bear that it was taken meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isPortFree(port)) return port;
  }
}

/** A process that was killed keeps its ports until the kernel is done with it. */
export async function isPortFreeWithin(port: number, graceMs: number): Promise<boolean> {
  const deadline = Date.now() + graceMs;
  while (!(await isPortFree(port))) {
    if (Date.now() >= deadline) return false;
    await sleep(50);
  }
  return true;
}
