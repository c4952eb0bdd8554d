/** Starts runs and lets people act on them. */

import type { Decision } from '../domain/question';

export interface PersonsAnswer {
  readonly by: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly comment?: string;
}

export type AnswerOutcome =
  | { readonly outcome: 'accepted' }
  /** A question is answered once. */
  | { readonly outcome: 'already-answered'; readonly by: string; readonly answer: string }
  | { readonly outcome: 'not-asked' }
  /** `answers`: what may be answered. */
  | { readonly outcome: 'not-offered'; readonly answers: readonly string[] };

export interface WorkflowControl {
  start(runId: string): Promise<void>;
  approve(runId: string, person: PersonsAnswer): Promise<AnswerOutcome>;
  reject(runId: string, person: PersonsAnswer): Promise<AnswerOutcome>;
  decide(runId: string, decision: Decision, person: PersonsAnswer): Promise<AnswerOutcome>;
  abort(runId: string, person: PersonsAnswer): Promise<void>;
}
