/** Writes a person's answer down as the checkpoint of its phase, so that a run that goes on does not ask again. */
import { type Answer, type Question, type QuestionName, questionKey } from '../domain/question';
import type { PhaseRecords } from '../domain/run';
import type { StepOutput } from '../domain/step';
import type { ObjectStore } from '../ports/object-store';
import { Journal } from './journal';

/** What the waiting state is resumed with. */
export const resumesWith: Readonly<Record<Answer['answer'], StepOutput>> = {
  approve: { verdict: 'passed', route: 'approve' },
  reject: { verdict: 'blocked', route: 'reject' },
  'roll-back': { verdict: 'passed', route: 'roll-back' },
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
  const asked = await store.get(questionKey(runId, question));
  const { checklist = [] } = asked ? (JSON.parse(asked.body) as Question) : {};
  const { verdict, route } = resumesWith[answer.answer];
  await journal.append({
    type: 'checkpoint',
    at: answer.at,
    step: question === 'approval' ? 'AwaitApproval' : 'AwaitDecision',
    phase,
    verdict: verdict === 'passed' ? 'passed' : 'blocked',
    route,
    message: `${answer.answer} by ${answer.by}${answer.comment ? `: ${answer.comment}` : ''}`,
    record: recordOf(answer, checklist),
  });
}

function recordOf(
  answer: Answer,
  checklist: PhaseRecords['Approve']['checklist'],
): PhaseRecords['Approve'] | PhaseRecords['Decide'] {
  switch (answer.answer) {
    case 'roll-back':
    case 'restore':
    case 'hold':
      return { decision: answer.answer, by: answer.by };
    case 'approve':
    case 'reject':
      return {
        decision: answer.answer === 'approve' ? 'granted' : 'refused',
        by: answer.by,
        reasons: answer.comment ? [answer.comment] : [],
        checklist,
      };
  }
}
