/** Whether a restored instance is as its source: told by what RDS describes, not by what was asked of it. */
import type { DBInstance } from '@aws-sdk/client-rds';
import { type Purpose, settingsOf } from './rds-settings';

export interface Difference {
  readonly setting: string;
  readonly wanted: string;
  readonly found: string;
}

/** Empty once every setting is carried over and nothing waits to be applied. */
export const differencesOf = (
  source: DBInstance,
  restored: DBInstance,
  purpose: Purpose,
): readonly Difference[] => [
  ...settingsOf(purpose)
    .filter(({ isMet }) => !isMet(source, restored))
    .map(({ name, read }) => ({
      setting: name,
      wanted: inWords(read(source)),
      found: inWords(read(restored)),
    })),
  ...pendingIn(restored),
];

/** Accepted is not applied: RDS may wait for a reboot or a maintenance window. */
function pendingIn(restored: DBInstance): readonly Difference[] {
  const pending = Object.entries(restored.PendingModifiedValues ?? {}).filter(
    ([, value]) => value !== undefined,
  );
  const statuses = [
    ['DBParameterGroup', restored.DBParameterGroups?.[0]?.ParameterApplyStatus],
    ['OptionGroup', restored.OptionGroupMemberships?.[0]?.Status],
  ] as const;
  return [
    // No values: one of them is the password.
    ...pending.map(([setting]) => ({ setting, wanted: 'applied', found: 'pending' })),
    ...statuses.flatMap(([setting, status = 'in-sync']) =>
      status === 'in-sync' ? [] : [{ setting, wanted: 'in-sync', found: status }],
    ),
  ];
}

/** Static parameters hold from the next start on. */
export const waitsForReboot = ({ DBParameterGroups = [] }: DBInstance): boolean =>
  DBParameterGroups.some(({ ParameterApplyStatus }) => ParameterApplyStatus === 'pending-reboot');

export const sentenceOf = (differences: readonly Difference[]): string =>
  differences.map(({ setting, wanted, found }) => `${setting} is to be ${wanted} and is ${found}`).join('; ');

const inWords = (value: unknown): string =>
  value === undefined ? 'not set' : typeof value === 'string' ? value : JSON.stringify(value);
