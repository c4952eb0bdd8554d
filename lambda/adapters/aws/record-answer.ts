/** Writes a person's answer down as the checkpoint of its phase, so that a run that goes on does not ask again. */
import type { Answer, QuestionName } from '../../domain/question';
import type { PhaseRecords } from '../../domain/run';
import type { StepOutput } from '../../domain/step';
import { Journal } from '../../journal/journal';
import type { ObjectStore } from '../../ports/object-store';

/** What the waiting state is resumed with. */
export const resumesWith: Readonly<Record<Answer['answer'], StepOutput>> = {
  approve: { verdict: 'passed', route: 'approve' },
  reject: { verdict: 'blocked', route: 'reject' },
  restore: { verdict: 'passed', route: 'restore' },
  hold: { verdict: 'passed', route: 'hold' },
};

export async function recordAnswer(
  store: ObjectStore,
  runId: string,
  question: QuestionName,
  answer: Answer,
): Promise<void> {
  const journal = await Journal.open(store, runId);
  const phase = question === 'approval' ? 'Approve' : 'Decide';
  if (journal.checkpoint(phase) !== undefined) return;
  const { verdict, route } = resumesWith[answer.answer];
  await journal.append({
    type: 'checkpoint',
    at: answer.at,
    step: question === 'approval' ? 'AwaitApproval' : 'AwaitDecision',
    phase,
    verdict: verdict === 'passed' ? 'passed' : 'blocked',
    route,
    message: `${answer.answer} by ${answer.by}${answer.comment ? `: ${answer.comment}` : ''}`,
    record: recordOf(answer),
  });
}

function recordOf(answer: Answer): PhaseRecords['Approve'] | PhaseRecords['Decide'] {
  switch (answer.answer) {
    case 'restore':
    case 'hold':
      return { decision: answer.answer, by: answer.by };
    case 'approve':
    case 'reject':
      return {
        decision: answer.answer === 'approve' ? 'granted' : 'refused',
        by: answer.by,
        reasons: answer.comment ? [answer.comment] : [],
        checklist: [],
      };
  }
}
