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
  return [...rules].map(
    (rule): Opinion => ({
      id: `${PREFIX}${rule}`,
      severity: 'info',
      effect: '',
      remedy: '',
      find: (context) => {
        const own = (remarks.get(context.sql) ?? []).filter(
          (remark) => remark.rule === rule && isAbout(remark, context),
        );
        const weighed = own.map((remark) => ({ remark, weight: weigh(remark, context) }));
        const [first, ...more] = weighed.filter(({ weight }) => weight !== 'refuted');
        if (first === undefined) return [];
        const { remark, weight } = first;
        const others = more.length === 0 ? '' : ` The same ${more.length} times more in this statement.`;
        return [
          {
            subject: rule,
            effect: `${sentence(remark.message)}${others}`,
            remedy: sentence(remark.help ?? OPINION_ONLY),
            severity: weight === 'confirmed' ? 'warning' : 'info',
          },
        ];
      },
    }),
  );
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
export function waitOf({ effects, catalog, isNew }: RuleContext): 'long' | 'short' | 'none' | 'unknown' {
  if (effects.opaque) return 'unknown';
  const blocks = effects.locks.some(({ oid, mode }) => !isNew(oid) && blocksRequests(mode));
  if (!blocks) return 'none';
  const worked = [...effects.scans, ...effects.rewrites];
  const isLong = catalog.rows.relations.some(
    ({ oid, name }) =>
      !isNew(oid) && worked.some((other) => other.name === name.name && other.schema === name.schema),
  );
  return isLong ? 'long' : 'short';
}

/** Whether all that a statement touches was made by the same migration. */
export const isAllNew = ({ effects, isNew }: RuleContext): boolean =>
  effects.locks.length > 0 && effects.locks.every(({ oid }) => isNew(oid));
