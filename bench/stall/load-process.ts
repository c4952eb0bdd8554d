/** The load's own process: what the benchmark and the migration do does not delay its clock. */
import { answerParent } from './answer-parent';
import { Load } from './load';

let load: Load | undefined;

answerParent(async (message) => {
  switch (message.type) {
    case 'load':
      load = await Load.start(message.options);
      return { type: 'loading' };
    case 'look':
      return { type: 'samples', samples: load?.samples() ?? [] };
    case 'stop':
      return { type: 'samples', samples: (await load?.stop()) ?? [] };
    default:
      throw new Error(`the load does not know what "${message.type}" asks for`);
  }
});
