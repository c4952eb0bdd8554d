/** Tells a person why their answer to a run's question does not count. */
import type { AnswerOutcome } from '../lambda/ports/workflow-control';

/** `undefined` where it does. */
export function refusalOf(runId: string, result: AnswerOutcome): string | undefined {
  switch (result.outcome) {
    case 'accepted':
      return undefined;
    case 'already-answered':
      return `${runId} was answered already: ${result.answer}, by ${result.by}.`;
    case 'not-offered':
      return `${runId} cannot be answered so. It asks for one of ${result.answers.join(', ')}.`;
    case 'not-asked':
      return `${runId} asks nothing of the kind now. See "godwit runs show ${runId}".`;
  }
}
