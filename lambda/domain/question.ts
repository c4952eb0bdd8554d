/** Questions that a run puts to people, and their answers: each is asked in one object and answered once in another. */

import type { ChecklistItem } from './run';

export type QuestionName = 'approval' | 'decision';

/** What becomes of a database whose migration failed. */
export type Decision = 'roll-back' | 'restore' | 'hold';

export interface Question {
  readonly runId: string;
  readonly question: QuestionName;
  /** What is asked, for people. */
  readonly text: string;
  readonly askedAt: string;
  readonly answerBy: string;
  /** What may be answered; for a decision those ways back that there are, and `hold`. */
  readonly answers?: readonly Answer['answer'][];
  /** What there is to go by. */
  readonly checklist?: readonly ChecklistItem[];
  /** Present on AWS only: resumes the waiting state. */
  readonly taskToken?: string;
}

export interface Answer {
  /** `approve` or `reject` for an approval. */
  readonly answer: 'approve' | 'reject' | Decision;
  readonly by: string;
  readonly at: string;
  readonly comment?: string;
}

export const questionKey = (runId: string, question: QuestionName): string =>
  `runs/${runId}/questions/${question}.json`;
export const answerKey = (runId: string, question: QuestionName): string =>
  `runs/${runId}/answers/${question}.json`;
export const abortKey = (runId: string): string => `runs/${runId}/abort.json`;

/** Questions of old do not say what may be answered. */
export const mayAnswer = ({ answers }: Question, { answer }: Answer): boolean =>
  answers === undefined || answers.includes(answer);
