/** Others held what a statement needs for as long as it was tried for. */
import { GodwitError } from '../../domain/errors';
import { SQLSTATE } from '../../ports/database';
import { describeBlockers } from '../watch/lock-watch';
import { type Holder, PREPARED } from './lock-holders';

export class LockNotGranted extends GodwitError {
  override readonly name = 'LockNotGranted';
  readonly kind = 'refused';
  readonly sqlState = SQLSTATE.lockNotAvailable;
  readonly holders: readonly Holder[];
  /** In ms: with this `--max-blocking` it would have been granted; undefined where waiting longer is all that helps. */
  readonly budgetThatWouldDo: number | undefined;

  constructor(fields: {
    wanted: string;
    waitedMs: number;
    holders: readonly Holder[];
    budgetThatWouldDo: number | undefined;
  }) {
    const { wanted, waitedMs, holders, budgetThatWouldDo } = fields;
    const isPrepared = holders.some(({ state }) => state === PREPARED);
    const pids = [...new Set(holders.map(({ pid }) => pid))].filter((pid) => pid > 0);
    const wayOut =
      budgetThatWouldDo === undefined
        ? `Let it finish, or end it${pids.map((pid) => ` with SELECT pg_terminate_backend(${pid})`).join(' and')}` +
          `${isPrepared ? ' by COMMIT PREPARED or ROLLBACK PREPARED (see pg_prepared_xacts)' : ''}; sessions that sit idle in a transaction Godwit ends itself with --terminate-idle <ms>.`
        : `Such transactions come and go: a budget of ${budgetThatWouldDo} ms would do (--max-blocking ${budgetThatWouldDo}).`;
    super(`Gave up after ${waitedMs} ms: ${wanted}. ${describeBlockers(holders)} ${wayOut}`);
    this.holders = holders;
    this.budgetThatWouldDo = budgetThatWouldDo;
  }
}
