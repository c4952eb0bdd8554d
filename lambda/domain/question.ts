/** Questions that a run puts to people, and their answers: each is asked in one object and answered once in another. */

import type { ChecklistItem } from './run';

export type QuestionName = 'approval' | 'decision';

export interface Question {
  readonly runId: string;
  readonly question: QuestionName;
  /** What is asked, for people. */
  readonly text: string;
  readonly askedAt: string;
  readonly answerBy: string;
  /** What there is to go by. */
  readonly checklist?: readonly ChecklistItem[];
  /** Present on AWS only: resumes the waiting state. */
  readonly taskToken?: string;
}

export interface Answer {
  /** `approve` | `reject` for an approval, `restore` | `hold` for a decision. */
  readonly answer: 'approve' | 'reject' | 'restore' | 'hold';
  readonly by: string;
  readonly at: string;
  readonly comment?: string;
}

export const questionKey = (runId: string, question: QuestionName): string =>
  `runs/${runId}/questions/${question}.json`;
export const answerKey = (runId: string, question: QuestionName): string =>
  `runs/${runId}/answers/${question}.json`;
export const abortKey = (runId: string): string => `runs/${runId}/abort.json`;
