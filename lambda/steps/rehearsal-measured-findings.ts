/** What a rehearsal's measures have to say: where a limit was exceeded, and where the server did what was not foretold. */
import { blocksApplication, type Excess, type RehearsalLimits } from '../domain/estimate';
import type { Finding, Severity } from '../domain/finding';
import type { Unforeseen } from '../domain/rehearsal';
import type { StatementTiming } from '../domain/run';

export const excessFinding = (
  { limit, subject, effect, remedy }: Excess,
  beyond: RehearsalLimits['beyond'],
): Finding => ({
  id: limit === 'plan' ? 'plan-regression' : `rehearsal-exceeds-${limit}`,
  severity: beyond === 'block' ? 'error' : 'warning',
  subject,
  effect,
  remedy,
});

export const unforeseenFindings = (statements: readonly StatementTiming[]): readonly Finding[] =>
  statements.flatMap((statement) =>
    (statement.unforeseen ?? []).filter(isWorthTelling).map((one) => unforeseenFinding(statement, one)),
  );

/** Code that nobody has seen reads what it likes, and need not do what its text would make one think. */
const isWorthTelling = ({ what, mode = '', isHidden }: Unforeseen): boolean =>
  !isHidden || what === 'rewrite' || (what === 'lock' && blocksApplication(mode));

const unforeseenFinding = ({ migration, statement, line }: StatementTiming, one: Unforeseen): Finding => ({
  id: one.what === 'lock' || one.what === 'rewrite' ? `${one.what}-not-foreseen` : 'foretold-not-seen',
  severity: severityOf(one),
  migration,
  statement,
  line,
  subject: one.relation,
  effect: `${effectOf(one)}${one.isHidden ? ': it runs code that its text does not show' : ''}`,
  remedy: one.isHidden
    ? 'Write the statements of that code into the migration, where their locks are foreseen and asked for with care.'
    : 'Trust what was seen. The executor bounds how long anybody waits for it, all the same.',
});

function severityOf({ what, mode = '' }: Unforeseen): Severity {
  if (what === 'rewrite') return 'warning';
  return what === 'lock' && blocksApplication(mode) ? 'warning' : 'info';
}

function effectOf({ what, mode = '', foretold }: Unforeseen): string {
  switch (what) {
    case 'lock':
      return `it took ${mode}, and ${foretold === undefined ? 'none' : foretold} was foretold`;
    case 'no-lock':
      return `${mode} was foretold, and it took none`;
    case 'rewrite':
      return 'it wrote the table anew, and that was not foretold';
    case 'no-rewrite':
      return 'it was foretold to write the table anew, and did not';
  }
}
