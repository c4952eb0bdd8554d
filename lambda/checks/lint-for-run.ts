/** Tells which findings of the linter keep a run from beginning: what the executor and the rehearsal would not make harmless. */
import type { Finding } from '../domain/finding';
import type { LintFinding, LintResult } from './lint';

/**
 * How long anybody waits is bounded by the executor and measured by the rehearsal, and what the application uses is a
 * matter of its releases. These are neither: the server refuses them, or takes them for something else than was meant.
 */
const STANDS_IN_THE_WAY: ReadonlySet<string> = new Set([
  'concurrently-on-partitioned',
  'directive-not-understood',
  'index-if-not-exists-hides',
  'index-not-immutable',
  'lost-quotes',
]);

/** Without what need not be done: a run's report holds what matters to that run. */
export function findingsForRun({ findings, allowed }: LintResult): readonly Finding[] {
  return [
    ...findings.filter(({ severity }) => severity !== 'info').map(told),
    ...allowed.map(
      (finding): Finding => ({
        ...told(finding),
        severity: 'info',
        effect: `${finding.effect} Allowed in the SQL because ${finding.allowed}`,
      }),
    ),
  ];
}

function told({
  id,
  severity,
  migration,
  statement,
  line,
  subject,
  effect,
  remedy,
  lock,
}: LintFinding): Finding {
  return {
    id,
    severity: severity === 'error' && !STANDS_IN_THE_WAY.has(id) ? 'warning' : severity,
    ...(migration === undefined ? {} : { migration }),
    ...(statement === undefined ? {} : { statement }),
    ...(line === undefined ? {} : { line }),
    subject,
    // Effects of a run's findings become part of a sentence.
    effect: (lock === undefined ? effect : `${effect} Lock: ${lock}`).replace(/\.$/, ''),
    remedy,
  };
}
