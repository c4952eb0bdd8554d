/** Those who write during the backup, and those whose waits are measured, in a process of their own. */
import { answerParent } from '../stall/answer-parent';
import { Load } from '../stall/load';
import { Writers } from './writers';

let load: Load | undefined;
let writers: Writers | undefined;

answerParent(async (message) => {
  switch (message.type) {
    case 'load':
      writers = await Writers.start(message.options.url, message.options);
      load = await Load.start(message.options);
      return { type: 'loading' };
    case 'stop': {
      const samples = (await load?.stop()) ?? [];
      await writers?.stop();
      return { type: 'samples', samples };
    }
    default:
      throw new Error(`the writers do not know what "${message.type}" asks for`);
  }
});
