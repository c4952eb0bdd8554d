/** A child's side of the conversation: each message is answered once, and the process ends with its parent. */
import type { FromChild, ToChild } from './messages';

export function answerParent(answer: (message: ToChild) => Promise<FromChild>): void {
  const tell = (message: FromChild): void => void process.send?.(message);
  process.on('message', (message: ToChild) => {
    answer(message).then(tell, (error: unknown) =>
      tell({
        type: 'failed',
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the parent decides how long its children are needed.
  process.on('SIGINT', () => {});
  tell({ type: 'ready' });
}
