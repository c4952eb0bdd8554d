/** Weighs what another linter says of a statement against what is known of it: confirmed, refuted, or left as an opinion. */
import { blocksRequests } from '../sql/lock-modes';
import type { Opinion } from './lint';
import type { RuleContext } from './rules';

/** A remark of another linter, which knows the text of the script and nothing else. */
export interface Remark {
  /** From 1. */
  readonly line: number;
  readonly lastLine: number;
  readonly rule: string;
  readonly message: string;
  readonly help: string | undefined;
}

/** The other linter whose opinion is sought. */
const PREFIX = 'squawk-';

/** Named in a `godwit:allow`, whether or not it was sought or given this time. */
export const isOpinion = (id: string): boolean => id.startsWith(PREFIX);

export type Weight = 'confirmed' | 'refuted' | 'open';

/** One rule for each kind of remark, so that each can be allowed by its own name. Remarks are found by the script's text. */
export function opinionsOf(
  remarks: ReadonlyMap<string, readonly Remark[]>,
  weigh: (remark: Remark, context: RuleContext) => Weight,
): readonly Opinion[] {
  const rules = new Set([...remarks.values()].flat().map(({ rule }) => rule));
  return [...rules].map((rule): Opinion => {
    const ofRule = new Map(
      [...remarks].flatMap(([sql, all]) => {
        const own = all.filter((remark) => remark.rule === rule);
        return own.length === 0 ? [] : [[sql, own] as const];
      }),
    );
    return {
      id: `${PREFIX}${rule}`,
      severity: 'info',
      effect: '',
      remedy: '',
      find: (context) => {
        const own = (ofRule.get(context.sql) ?? []).filter((remark) => isAbout(remark, context));
        const weighed = own.map((remark) => ({ remark, weight: weigh(remark, context) }));
        return told(weighed.filter(({ weight }) => weight !== 'refuted'));
      },
    };
  });
}

function told([first, ...more]: readonly { readonly remark: Remark; readonly weight: Weight }[]) {
  if (first === undefined) return [];
  const { remark, weight } = first;
  const times = more.length === 1 ? 'once more' : `${more.length} times more`;
  const others = more.length === 0 ? '' : ` The same ${times} in this statement.`;
  return [
    {
      subject: remark.rule,
      effect: `${sentence(remark.message)}${others}`,
      remedy: sentence(remark.help ?? OPINION_ONLY),
      severity: weight === 'confirmed' ? ('warning' as const) : ('info' as const),
    },
  ];
}

const OPINION_ONLY = 'An opinion: nothing that is known of the database confirms or refutes it.';

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function isAbout({ line }: Remark, { statement, script, index }: RuleContext): boolean {
  const next = script.statements[index + 1]?.line ?? Number.POSITIVE_INFINITY;
  const lastLine = statement.line + statement.sql.split('\n').length - 1;
  // Of two statements on one line the remark could be about either: the first has it.
  const isFirstOfLine = script.statements[index - 1]?.line !== statement.line || line > statement.line;
  return (
    line >= statement.line && line <= lastLine && line < Math.max(next, statement.line + 1) && isFirstOfLine
  );
}

/** Whether a statement keeps the application waiting for tables that were there before, and for how long. */
export function waitOf({ effects, isNew }: RuleContext): 'long' | 'short' | 'none' | 'unknown' {
  if (effects.opaque) return 'unknown';
  const existing = effects.locks.filter(({ oid }) => !isNew(oid));
  if (!existing.some(({ mode }) => blocksRequests(mode))) return 'none';
  // What is read in full or written anew is locked, too.
  const worked = [...effects.scans, ...effects.rewrites];
  const isLong = existing.some(({ relation: { schema, name } }) =>
    worked.some((other) => other.name === name && other.schema === schema),
  );
  return isLong ? 'long' : 'short';
}

/** Whether all that a statement touches was made by the same migration. */
export const isAllNew = ({ effects, isNew }: RuleContext): boolean =>
  effects.locks.length > 0 && effects.locks.every(({ oid }) => isNew(oid));
