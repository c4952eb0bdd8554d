/** What every workflow control promises: a question is answered once, by one person, and the run goes on by that answer. */
import {
  type Answer,
  abortKey,
  answerKey,
  type Question,
  type QuestionName,
} from '../../lambda/domain/question';
import { type Checkpoint, DEFAULT_POLICY, type RunRequest } from '../../lambda/domain/run';
import type { StepOutput } from '../../lambda/domain/step';
import { createRun, Journal } from '../../lambda/journal/journal';
import type { ObjectStore } from '../../lambda/ports/object-store';
import type { AnswerOutcome, PersonsAnswer, WorkflowControl } from '../../lambda/ports/workflow-control';

export interface WorkflowControlUnderTest {
  readonly control: WorkflowControl;
  readonly store: ObjectStore;
  /** The runs whose workflow was begun. */
  started(): readonly string[];
  /** Puts the question as the waiting step does; answers with what the waiting state is resumed with. */
  wait(question: Question): Promise<{ readonly resumed: Promise<StepOutput> }>;
  dispose?(): Promise<void>;
}

const RUN = 'run-20260301-120000-0001';
const NOBODYS_RUN = 'run-20260301-120000-ffff';
const ASKED_AT = '2026-03-01T12:00:00.000Z';
const LAST_MOMENT = '2026-03-01T13:00:00.000Z';
const TOO_LATE = '2026-03-01T13:00:00.001Z';

const ada: PersonsAnswer = { by: 'ada', at: '2026-03-01T12:10:00.000Z' };
const bob: PersonsAnswer = { by: 'bob', at: '2026-03-01T12:20:00.000Z' };

const phaseOf = (question: QuestionName): 'Approve' | 'Decide' =>
  question === 'approval' ? 'Approve' : 'Decide';

/** Every answer that there is, by the method that gives it. */
const ANSWERS: readonly {
  readonly answer: Answer['answer'];
  readonly question: QuestionName;
  readonly resumes: StepOutput;
  readonly record: object;
}[] = [
  {
    answer: 'approve',
    question: 'approval',
    resumes: { verdict: 'passed', route: 'approve' },
    record: { decision: 'granted', by: 'ada', reasons: ['as discussed'] },
  },
  {
    answer: 'reject',
    question: 'approval',
    resumes: { verdict: 'blocked', route: 'reject' },
    record: { decision: 'refused', by: 'ada', reasons: ['as discussed'] },
  },
  {
    answer: 'restore',
    question: 'decision',
    resumes: { verdict: 'passed', route: 'restore' },
    record: { decision: 'restore', by: 'ada' },
  },
  {
    answer: 'hold',
    question: 'decision',
    resumes: { verdict: 'passed', route: 'hold' },
    record: { decision: 'hold', by: 'ada' },
  },
];

export function describeWorkflowControlContract(
  name: string,
  make: () => Promise<WorkflowControlUnderTest>,
): void {
  describe(`${name} keeps the promises of a workflow control`, () => {
    let under: WorkflowControlUnderTest;
    let control: WorkflowControl;

    beforeEach(async () => {
      under = await make();
      control = under.control;
      await createRun(under.store, requestOf(RUN));
    });
    afterEach(async () => under.dispose?.());

    const wait = (question: QuestionName, runId = RUN, more: Partial<Question> = {}) =>
      under.wait({ runId, question, text: 'Go on?', askedAt: ASKED_AT, answerBy: LAST_MOMENT, ...more });
    const give = (answer: Answer['answer'], person: PersonsAnswer, runId = RUN): Promise<AnswerOutcome> =>
      answer === 'approve' || answer === 'reject'
        ? control[answer](runId, person)
        : control.decide(runId, answer, person);
    const checkpoints = async (question: QuestionName, runId = RUN): Promise<readonly Checkpoint[]> =>
      (await Journal.open(under.store, runId)).entries.filter(
        (entry): entry is Checkpoint => entry.type === 'checkpoint' && entry.phase === phaseOf(question),
      );
    const stored = async (key: string): Promise<unknown> => {
      const object = await under.store.get(key);
      return object && JSON.parse(object.body);
    };

    it('begins the workflow of the run that it is told', async () => {
      await control.start(RUN);
      expect(under.started()).toEqual([RUN]);
    });

    it('begins nothing for a run that nobody asked for', async () => {
      await expect(control.start(NOBODYS_RUN)).rejects.toMatchObject({
        name: 'UnknownRun',
        runId: NOBODYS_RUN,
      });
      expect(under.started()).toEqual([]);
    });

    it.each(ANSWERS)(
      'resumes the run with "$answer", and journals it as the checkpoint of its phase',
      async ({ answer, question, resumes, record }) => {
        const { resumed } = await wait(question);
        const person = { ...ada, comment: 'as discussed' };
        expect(await give(answer, person)).toEqual({ outcome: 'accepted' });
        expect(await resumed).toEqual(resumes);
        expect(await checkpoints(question)).toMatchObject([
          { at: ada.at, ...resumes, message: `${answer} by ada: as discussed`, record },
        ]);
      },
    );

    it('journals with an approval what there was to go by', async () => {
      const checklist = [{ item: 'Rehearsal', verdict: 'done', evidence: 'took 3 s' }] as const;
      const { resumed } = await wait('approval', RUN, { checklist });
      await control.approve(RUN, ada);
      await resumed;
      expect(await checkpoints('approval')).toMatchObject([{ record: { checklist, reasons: [] } }]);
    });

    it('tells whoever comes second who answered what, and lets the first answer stand', async () => {
      const { resumed } = await wait('approval');
      await control.approve(RUN, ada);
      const already = { outcome: 'already-answered', by: 'ada', answer: 'approve' };
      expect(await control.reject(RUN, bob)).toEqual(already);
      expect(await control.approve(RUN, ada)).toEqual(already);
      expect(await resumed).toEqual({ verdict: 'passed', route: 'approve' });
      expect(await checkpoints('approval')).toMatchObject([{ record: { decision: 'granted', by: 'ada' } }]);
    });

    it.each([
      ['approval', ['approve', 'reject']],
      ['decision', ['restore', 'hold']],
    ] as const)('accepts exactly one of many who answer the %s at the same time', async (question, words) => {
      const { resumed } = await wait(question);
      const people = Array.from({ length: 8 }, (_, index) => ({
        answer: words[index % 2] ?? words[0],
        person: { ...ada, by: `person ${index}` },
      }));
      const outcomes = await Promise.all(people.map(({ answer, person }) => give(answer, person)));
      const accepted = people.filter((_, index) => outcomes[index]?.outcome === 'accepted');
      expect(accepted).toHaveLength(1);
      const [winner] = accepted;
      const others = outcomes.filter(({ outcome }) => outcome !== 'accepted');
      expect(others).toHaveLength(7);
      for (const other of others) {
        expect(other).toEqual({
          outcome: 'already-answered',
          by: winner?.person.by,
          answer: winner?.answer,
        });
      }
      expect(await resumed).toMatchObject({ route: winner?.answer });
      // Whoever comes second journals the first answer, too, lest it be lost with whoever gave it; never another one.
      const journaled = await checkpoints(question);
      expect(journaled).not.toEqual([]);
      for (const checkpoint of journaled) {
        expect(checkpoint).toMatchObject({ route: winner?.answer, record: { by: winner?.person.by } });
      }
    });

    it.each(ANSWERS)('keeps no "$answer" that comes before its question', async ({ answer, question }) => {
      expect(await give(answer, ada)).toEqual({ outcome: 'not-asked' });
      const { resumed } = await wait(question);
      const later = question === 'approval' ? 'reject' : 'hold';
      expect(await give(later, bob)).toEqual({ outcome: 'accepted' });
      expect(await resumed).toMatchObject({ route: later });
    });

    it.each(ANSWERS)('takes no "$answer" past the deadline of its question', async ({ answer, question }) => {
      await wait(question);
      expect(await give(answer, { ...ada, at: TOO_LATE })).toEqual({ outcome: 'not-asked' });
      expect(await stored(answerKey(RUN, question))).toBeUndefined();
      expect(await checkpoints(question)).toEqual([]);
    });

    it('takes an answer in the last moment', async () => {
      const { resumed } = await wait('approval');
      expect(await control.approve(RUN, { ...ada, at: LAST_MOMENT })).toEqual({ outcome: 'accepted' });
      expect(await resumed).toMatchObject({ route: 'approve' });
    });

    it('takes an approval for no decision, and a decision for no approval', async () => {
      await wait('approval');
      expect(await control.decide(RUN, 'restore', ada)).toEqual({ outcome: 'not-asked' });
      expect(await checkpoints('decision')).toEqual([]);
      const { resumed } = await wait('decision');
      expect(await control.approve(RUN, ada)).toEqual({ outcome: 'accepted' });
      expect(await control.decide(RUN, 'hold', bob)).toEqual({ outcome: 'accepted' });
      expect(await resumed).toMatchObject({ route: 'hold' });
    });

    it('answers the question of one run and not that of another', async () => {
      const other = 'run-20260301-120000-0002';
      await createRun(under.store, requestOf(other));
      const { resumed } = await wait('approval');
      const { resumed: resumedOther } = await wait('approval', other);
      await control.reject(other, bob);
      await control.approve(RUN, ada);
      expect([await resumed, await resumedOther]).toMatchObject([{ route: 'approve' }, { route: 'reject' }]);
    });

    it('knows no question of a run that nobody asked for, and writes nothing about it', async () => {
      for (const { answer } of ANSWERS) {
        expect(await give(answer, ada, NOBODYS_RUN)).toEqual({ outcome: 'not-asked' });
      }
      expect(await under.store.list(`runs/${NOBODYS_RUN}`)).toEqual([]);
    });

    it('ends the wait for the approval by an abort, which is no answer', async () => {
      const { resumed } = await wait('approval');
      await control.abort(RUN, ada);
      expect(await resumed).toEqual({ verdict: 'blocked', route: 'aborted' });
      expect(await stored(answerKey(RUN, 'approval'))).toBeUndefined();
      expect(await checkpoints('approval')).toEqual([]);
      expect(await control.approve(RUN, bob)).toEqual({ outcome: 'not-asked' });
    });

    it('goes on waiting for the decision about a failed migration when somebody aborts', async () => {
      const { resumed } = await wait('decision');
      await control.abort(RUN, ada);
      expect(await control.decide(RUN, 'restore', bob)).toEqual({ outcome: 'accepted' });
      expect(await resumed).toEqual({ verdict: 'passed', route: 'restore' });
    });

    it('leaves an abort for the steps to see, whether or not anything is asked', async () => {
      await control.abort(RUN, { ...ada, comment: 'wrong branch' });
      expect(await stored(abortKey(RUN))).toEqual({ ...ada, comment: 'wrong branch' });
    });

    it('keeps the author of the first abort, however many follow', async () => {
      await control.abort(RUN, ada);
      await Promise.all(Array.from({ length: 4 }, () => control.abort(RUN, bob)));
      expect(await stored(abortKey(RUN))).toEqual(ada);
    });

    it('takes no answer back by an abort', async () => {
      const { resumed } = await wait('decision');
      await control.decide(RUN, 'restore', ada);
      await control.abort(RUN, bob);
      expect(await resumed).toEqual({ verdict: 'passed', route: 'restore' });
      expect(await control.decide(RUN, 'hold', bob)).toMatchObject({
        outcome: 'already-answered',
        by: 'ada',
      });
    });
  });
}

const requestOf = (runId: string): RunRequest => ({
  runId,
  requestedAt: ASKED_AT,
  requestedBy: 'ada',
  database: '127.0.0.1:5432/wedefidaily',
  project: { schema: '', lockfile: undefined, migrations: [], invariants: [] },
  policy: DEFAULT_POLICY,
});
