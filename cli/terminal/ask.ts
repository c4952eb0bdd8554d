/** Asks a person to choose; silence, the end of input and being called off all mean the last, which changes nothing. */
import { createInterface } from 'node:readline';
import type { Outlet } from './outlet';

const MOST_UNCLEAR_ANSWERS = 5;

export interface PersonQuestion<Choice extends string> {
  readonly question: string;
  /** The last is taken where none is given. Any beginning that only one of them has will do. */
  readonly choices: readonly [Choice, ...Choice[]];
  readonly input: NodeJS.ReadableStream;
  readonly outlet: Outlet;
  readonly signal: AbortSignal;
}

export async function askPerson<Choice extends string>(asked: PersonQuestion<Choice>): Promise<Choice> {
  const { question, choices, input, outlet, signal } = asked;
  const otherwise = choices.at(-1) ?? choices[0];
  if (signal.aborted) return otherwise;
  // `terminal: false` leaves Ctrl-C to the terminal: it stays a signal to the process.
  const lines = createInterface({ input, terminal: false, signal });
  try {
    outlet.raw(`${question} [${choices.join('/')}] `);
    let unclear = 0;
    for await (const line of lines) {
      const answer = meaningOf(line, choices);
      if (answer) return answer;
      unclear += 1;
      if (unclear === MOST_UNCLEAR_ANSWERS) break;
      outlet.raw(`Please answer ${choices.slice(0, -1).join(', ')} or ${otherwise}: `);
    }
    outlet.line('');
    return otherwise;
  } finally {
    lines.close();
  }
}

function meaningOf<Choice extends string>(line: string, choices: readonly Choice[]): Choice | undefined {
  const word = line.trim().toLowerCase();
  if (word === '') return undefined;
  const exact = choices.find((choice) => choice === word);
  const [beginning, another] = choices.filter((choice) => choice.startsWith(word));
  return exact ?? (another === undefined ? beginning : undefined);
}
