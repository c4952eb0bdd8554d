/** The application's own process: does what the parent asks for, and ends when the parent does. */
import type { FromApplication, ToApplication } from './messages';
import { Traffic } from './traffic';

const STATS_EVERY_MS = 250;

let traffic: Traffic | undefined;
let statsTimer: NodeJS.Timeout | undefined;

function tell(message: FromApplication, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, sent);
}

async function handle(message: ToApplication): Promise<void> {
  switch (message.type) {
    case 'start':
      traffic = await Traffic.start(message);
      tell({ type: 'started' });
      statsTimer = setInterval(() => {
        if (traffic) tell({ type: 'stats', stats: traffic.stats() });
      }, STATS_EVERY_MS);
      return;
    case 'mark':
      traffic?.mark();
      return;
    case 'stop':
      clearInterval(statsTimer);
      // What is still in the pipe when a process exits is lost.
      if (traffic) tell({ type: 'stopped', stats: await traffic.stop() }, () => process.exit(0));
      else process.exit(0);
  }
}

process.on('message', (message: ToApplication) => {
  handle(message).catch((error: unknown) => {
    tell({ type: 'refused', reason: error instanceof Error ? error.message || error.name : String(error) });
  });
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides how long the application is needed.
process.on('SIGINT', () => {});
tell({ type: 'ready' });
