/** What differs between the stages, typed and checked before anything is synthesized. */
import { z } from 'zod';

export const STAGES = ['dev', 'staging', 'prod'] as const;
export type Stage = (typeof STAGES)[number];

const stageConfig = z.strictObject({
  account: z.string().regex(/^\d{12}$/, 'must be the twelve digits of an AWS account'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be an AWS region, e.g. eu-central-1'),
  vpcCidr: z.string(),
  database: z.strictObject({
    /** Also the instance's identifier with the stage appended, on which the application's URL rests. */
    name: z.string().regex(/^[a-z][a-z0-9]{0,30}$/, 'must be lower-case letters and digits'),
    instanceType: z.string().regex(/^[a-z0-9]+\.[a-z0-9]+$/, 'must be like r8g.large'),
    multiAz: z.boolean(),
    allocatedGib: z.int().min(20),
    maxAllocatedGib: z.int().min(20),
    /** How far back a point in time can be restored. */
    retentionDays: z.int().min(1).max(35),
    deletionProtection: z.boolean(),
  }),
  /** How long a person's approval, and the on-call person's decision, is waited for. */
  approvalHours: z.number().positive().max(168),
  decisionHours: z.number().positive().max(168),
  /** What a rehearsal may foretell of a migration without a person's word. */
  rehearsal: z.strictObject({
    /** Beyond it a person is asked, or it is refused. */
    beyond: z.enum(['ask', 'block']),
    maxMinutes: z.number().positive(),
    /** Of the free disk, WAL and temporary files included. */
    maxDiskShare: z.number().positive().max(1),
  }),
  drill: z.strictObject({
    /** When a restore is rehearsed. */
    schedule: z.string().regex(/^(rate|cron)\(.+\)$/, 'must be like cron(0 3 ? * SUN *) or rate(7 days)'),
    /** At most so much of the latest writes may be lost, and the recovery take so long. */
    rpoMinutes: z.number().positive(),
    rtoMinutes: z.number().positive(),
    /** An alarm goes off when no drill has passed for longer: more than the schedule's interval. */
    maxAgeDays: z.number().positive(),
  }),
  /** E-mail addresses that are told, beside what subscribes to the topic by itself. */
  notify: z.array(z.email()),
});

export type StageConfig = Readonly<z.infer<typeof stageConfig>> & { readonly stage: Stage };

/** The configuration cannot be used. */
export class StageConfigError extends Error {
  override readonly name = 'StageConfigError';
}

/**
 * @param stages the context value `stages` of `cdk.json`
 * @throws StageConfigError that names every key at fault
 */
export function readStageConfig(stages: unknown, stage: unknown): StageConfig {
  const name = z.enum(STAGES).safeParse(stage);
  if (!name.success) {
    throw new StageConfigError(
      `The stage "${String(stage)}" is none of ${STAGES.join(', ')}. Give -c stage=…`,
    );
  }
  const values =
    typeof stages === 'object' && stages !== null
      ? (stages as Record<string, unknown>)[name.data]
      : undefined;
  if (values === undefined) throw new StageConfigError(`cdk.json has no context.stages.${name.data}.`);
  const parsed = stageConfig.safeParse(values);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${['stages', name.data, ...path].join('.')}: ${message}`,
    );
    throw new StageConfigError(`cdk.json's context cannot be used. ${problems.join('; ')}`);
  }
  return Object.freeze({ ...parsed.data, stage: name.data });
}
