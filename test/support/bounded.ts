/** The long matrices of recovery run by their own command, `npm run test:recovery`; the suite takes a sample of them. */
export const isWhole = process.env.GODWIT_RECOVERY === 'full';

/** The first few of the cases. */
export const bounded = <T>(cases: readonly T[], sample: number): readonly T[] =>
  isWhole ? cases : cases.slice(0, sample);
