import { unforeseenIn } from '../../lambda/migrate/observe/foretold';
import type { LockNeed, StatementEffects } from '../../lambda/sql/effects/effects';
import type { LockMode } from '../../lambda/sql/lock-modes';
import { unforeseenFindings } from '../../lambda/steps/rehearsal-measured-findings';

const WALLET = { oid: 1, name: 'public.wallet' };
const need = (mode: LockMode): LockNeed => ({
  oid: 1,
  relation: { schema: 'public', name: 'wallet' },
  kind: 'table',
  mode,
  lockable: true,
});
const foretold = (more: Partial<StatementEffects>): StatementEffects => ({
  locks: [],
  scans: [],
  rewrites: [],
  idempotent: true,
  phase: 'neutral',
  changesResultType: [],
  opaque: false,
  ...more,
});
const seen = (modes: readonly LockMode[], more: { rewritten?: boolean } = {}) => ({
  locks: modes.map((mode) => ({ ...WALLET, mode })),
  held: new Map(modes.map((mode) => [1, mode] as const)),
  rewritten: more.rewritten === true ? [WALLET] : [],
  known: new Map([[1, WALLET]]),
});
const rewriting = foretold({
  locks: [need('AccessExclusiveLock')],
  rewrites: [{ schema: 'public', name: 'wallet' }],
});

test.each([
  ['a lock as foretold', foretold({ locks: [need('ShareLock')] }), seen(['ShareLock']), []],
  [
    'a stronger lock beside a weaker one of its own',
    foretold({ locks: [need('AccessExclusiveLock')] }),
    seen(['AccessShareLock', 'AccessExclusiveLock']),
    [],
  ],
  [
    'a stronger lock than was foretold',
    foretold({ locks: [need('ShareUpdateExclusiveLock')] }),
    seen(['AccessExclusiveLock']),
    [{ what: 'lock', mode: 'AccessExclusiveLock', foretold: 'ShareUpdateExclusiveLock' }],
  ],
  [
    'a lock where none was foretold',
    foretold({}),
    seen(['ShareLock']),
    [{ what: 'lock', mode: 'ShareLock' }],
  ],
  [
    'a lock that was foretold and not taken',
    foretold({ locks: [need('ShareLock')] }),
    seen([]),
    [{ what: 'no-lock', mode: 'ShareLock' }],
  ],
  [
    'a weak lock that was foretold and not taken',
    foretold({ locks: [need('RowExclusiveLock')] }),
    seen([]),
    [],
  ],
  ['a table written anew as foretold', rewriting, seen(['AccessExclusiveLock'], { rewritten: true }), []],
  [
    'a table written anew that was not foretold',
    foretold({ locks: [need('AccessExclusiveLock')] }),
    seen(['AccessExclusiveLock'], { rewritten: true }),
    [{ what: 'rewrite' }],
  ],
  [
    'a table not written anew although it was foretold',
    rewriting,
    seen(['AccessExclusiveLock']),
    [{ what: 'no-rewrite' }],
  ],
])('%s', (_, effects, looked, expected) => {
  const found = unforeseenIn(effects, looked);
  expect(found).toEqual(expected.map((one) => ({ relation: 'public.wallet', isHidden: false, ...one })));
});

test('of code that nobody has seen only that is told which makes others wait, or writes anew', () => {
  const hidden = { relation: 'public.wallet', isHidden: true };
  const statement = {
    migration: '1_x',
    statement: 2,
    line: 7,
    sql: '',
    durationMs: 1,
    attempts: 1,
    waitedMs: 0,
  };
  const findings = unforeseenFindings([
    {
      ...statement,
      unforeseen: [
        { ...hidden, what: 'lock', mode: 'AccessShareLock' },
        { ...hidden, what: 'lock', mode: 'ShareLock' },
        { ...hidden, what: 'rewrite' },
        { ...hidden, what: 'no-lock', mode: 'ShareLock' },
      ],
    },
  ]);
  expect(findings).toMatchObject([
    { id: 'lock-not-foreseen', severity: 'warning', migration: '1_x', statement: 2, line: 7 },
    { id: 'rewrite-not-foreseen', severity: 'warning' },
  ]);
});
