/** A migration's own process: one runner, one case, timed from within, once everything is loaded. */
import { answerParent } from './answer-parent';
import type { RunnerName, RunRequest } from './messages';
import { prepareDbmate } from './runners/dbmate';
import { prepareGodwit } from './runners/godwit';
import { prepareLockTimeoutRetry, preparePlainClient } from './runners/plain-client';
import { preparePrisma } from './runners/prisma';
import { now } from './score';

/** Answers what is to be timed; it answers in turn a message where the migration was refused. */
export type Prepare = (request: RunRequest) => Promise<() => Promise<string | undefined>>;

const PREPARE: Readonly<Record<RunnerName, Prepare>> = {
  prisma: preparePrisma,
  dbmate: prepareDbmate,
  'lock-timeout-retry': prepareLockTimeoutRetry,
  godwit: prepareGodwit,
  'plain-client': preparePlainClient,
};

let run: (() => Promise<string | undefined>) | undefined;

answerParent(async (message) => {
  switch (message.type) {
    case 'prepare':
      run = await PREPARE[message.request.runner](message.request);
      return { type: 'prepared' };
    case 'run': {
      const from = now();
      const refusal = await run?.();
      const outcome = refusal === undefined ? 'applied' : 'refused';
      return { type: 'ran', ran: { from, to: now(), outcome, message: refusal ?? '' } };
    }
    default:
      throw new Error(`the runner does not know what "${message.type}" asks for`);
  }
});
