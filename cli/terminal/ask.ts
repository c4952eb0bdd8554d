/** Asks a person yes or no; silence, the end of input and being called off all mean no. */
import { createInterface } from 'node:readline';
import type { Outlet } from './outlet';

const MOST_UNCLEAR_ANSWERS = 5;

export async function askPerson(options: {
  readonly question: string;
  readonly input: NodeJS.ReadableStream;
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
}): Promise<'yes' | 'no'> {
  const { question, input, outlet, signal } = options;
  if (signal.aborted) return 'no';
  // `terminal: false` leaves Ctrl-C to the terminal: it stays a signal to the process.
  const lines = createInterface({ input, terminal: false, signal });
  try {
    outlet.raw(`${question} [yes/no] `);
    let unclear = 0;
    for await (const line of lines) {
      const answer = meaningOf(line);
      if (answer) return answer;
      unclear += 1;
      if (unclear === MOST_UNCLEAR_ANSWERS) break;
      outlet.raw('Please answer yes or no: ');
    }
    outlet.line('');
    return 'no';
  } finally {
    lines.close();
  }
}

function meaningOf(line: string): 'yes' | 'no' | undefined {
  const word = line.trim().toLowerCase();
  if (word === 'y' || word === 'yes') return 'yes';
  return word === 'n' || word === 'no' ? 'no' : undefined;
}
