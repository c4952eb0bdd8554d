/** Approve: whether policy lets the migration go on, and where it asks for a person, the waiting for one. */
import { checklist } from '../checks/checklist';
import { estimateText, plainEstimate } from '../domain/estimate';
import { type Question, questionKey } from '../domain/question';
import type { ChecklistItem, PhaseRecords } from '../domain/run';
import { pendingMigrations, type RunContext, type StepOutcome } from './context';
import { step } from './enter';
import { lossesOf } from './expand-contract';

type Outcome = StepOutcome<PhaseRecords['Approve']>;

export const checkApproval = step<'Approve'>('CheckApproval', async (run): Promise<Outcome> => {
  const items = finalChecklist(run);
  const missing = items.filter((item) => item.verdict === 'missing' && isDemanded(item, run));
  const record = (decision: PhaseRecords['Approve']['decision'], reasons: readonly string[]) => ({
    decision,
    by: 'policy',
    reasons,
    checklist: items,
  });
  if (missing.length > 0) {
    const reasons = missing.map((item) => `${item.item}: ${item.evidence}`);
    return { verdict: 'blocked', message: reasons.join('; '), record: record('refused', reasons) };
  }
  const reasons = await reasonsToAsk(run);
  if (run.policy.rehearseOnly) {
    return {
      verdict: 'blocked',
      route: 'rehearsed',
      message: 'rehearsed; nothing was changed',
      record: record('not-needed', reasons),
    };
  }
  switch (run.policy.approve) {
    case 'auto':
      return { verdict: 'passed', message: 'granted by policy', record: record('granted', reasons) };
    case 'never':
      return reasons.length === 0
        ? { verdict: 'passed', message: 'policy asks for no approval', record: record('not-needed', []) }
        : {
            verdict: 'blocked',
            message: `approval is needed and nobody may be asked: ${reasons.join('; ')}. Use --approve ask or --approve auto.`,
            record: record('refused', reasons),
          };
    case 'ask':
      return { verdict: 'waiting', route: 'ask', message: 'a person is asked' };
  }
});

/** Puts the question; the state waits for the answer, which {@link recordApproval} writes down. */
export const awaitApproval = step<'Approve'>('AwaitApproval', async (run): Promise<Outcome> => {
  const reasons = await reasonsToAsk(run);
  const names = pendingMigrations(run).map((migration) => migration.name);
  const { estimate } = run.journal.record('Rehearse') ?? {};
  const asked = await ask(run, {
    question: 'approval',
    text: [
      `Apply ${names.join(', ')} to ${run.request.database}?`,
      ...reasons,
      ...(estimate === undefined ? [] : [estimateText(estimate)]),
    ].join(' '),
    checklist: finalChecklist(run),
  });
  if (asked === 'anew' && estimate !== undefined) {
    await run.notifier.notify({
      runId: run.runId,
      audience: 'stakeholders',
      subject: `Godwit: a change of ${run.request.database} awaits approval`,
      body: `A planned database change was tried on a copy and awaits approval. ${plainEstimate(estimate)}`,
      attributes: { question: 'approval' },
    });
  }
  return { verdict: 'waiting', route: 'asked', message: `waiting for approval: godwit approve ${run.runId}` };
});

/** Asked once: a step entered again after a crash finds its question and does not move the deadline. */
export async function ask(
  run: RunContext,
  {
    question,
    text,
    checklist: items,
    answers,
  }: Pick<Question, 'question' | 'text' | 'checklist' | 'answers'>,
): Promise<'anew' | 'before'> {
  const now = run.clock.now();
  const asked: Question = {
    runId: run.runId,
    question,
    text,
    askedAt: now.toISOString(),
    answerBy: new Date(now.getTime() + run.policy.answerWithinMs).toISOString(),
    ...(items === undefined ? {} : { checklist: items }),
    ...(answers === undefined ? {} : { answers }),
    ...(run.input.taskToken === undefined ? {} : { taskToken: run.input.taskToken }),
  };
  const written = await run.store.putIfAbsent(questionKey(run.runId, question), JSON.stringify(asked));
  if (written.outcome === 'conflict') {
    await renewToken(run, question);
    return 'before';
  }
  await run.notifier.notify({
    runId: run.runId,
    audience: 'on-call',
    subject: `Godwit asks: ${question} for ${run.request.database}`,
    body: `${text}\n\nAnswer by ${asked.answerBy}: ${commandsFor(asked)}`,
    attributes: { question },
  });
  return 'anew';
}

/** A retried task has a new token, and the old one resumes nothing any more; all else of the question stands. */
async function renewToken(run: RunContext, question: Question['question']): Promise<void> {
  const key = questionKey(run.runId, question);
  const stored = await run.store.get(key);
  const { taskToken } = run.input;
  if (!stored || taskToken === undefined) return;
  const asked = JSON.parse(stored.body) as Question;
  if (asked.taskToken === taskToken) return;
  await run.store.putIfMatch(key, JSON.stringify({ ...asked, taskToken }), stored.version);
}

const commandsFor = ({ runId, question, answers = [] }: Question): string =>
  question === 'approval'
    ? `godwit approve ${runId}, or godwit reject ${runId}`
    : answers.map((answer) => `godwit decide ${runId} ${answer}`).join(', or ');

function finalChecklist(run: RunContext): readonly ChecklistItem[] {
  return checklist({
    policy: run.policy,
    hasRecovery: run.recovery !== undefined,
    snapshot: run.journal.record('Snapshot'),
    rehearsal: run.journal.record('Rehearse'),
    pending: pendingMigrations(run).map(({ name, downSql }) => ({
      name,
      hasDownScript: downSql !== undefined,
    })),
    now: run.clock.now(),
  });
}

/** What the caller waived expressly, or a server of somebody else cannot give, is told but does not block. */
function isDemanded(item: ChecklistItem, run: RunContext): boolean {
  return item.item.startsWith('Maintenance window') || (run.policy.rehearse && run.recovery !== undefined);
}

async function reasonsToAsk(run: RunContext): Promise<readonly string[]> {
  const losses = await Promise.all(
    pendingMigrations(run).map(async (migration) =>
      (await lossesOf(migration)).map((loss) => `${migration.name}: ${loss}`),
    ),
  );
  const rehearsal = run.journal.record('Rehearse');
  // Rehearsals of old judged nothing but that.
  const blocking = rehearsal?.longestBlockingMs ?? 0;
  const slow =
    blocking > run.policy.maxBlockingMs
      ? [
          `the rehearsal held a blocking lock for ${Math.round(blocking)} ms, more than the ${run.policy.maxBlockingMs} ms allowed`,
        ]
      : [];
  return [...losses.flat(), ...(rehearsal?.asks ?? slow)];
}
