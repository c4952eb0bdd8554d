/** The migration made somebody wait for about as long as it may, and was stopped. */
import { GodwitError } from '../../domain/errors';
import { shorten } from '../../sql/summary';
import type { Breach } from '../watch/lock-watch';

export class BudgetExceeded extends GodwitError {
  override readonly name = 'BudgetExceeded';
  readonly kind = 'refused';
  readonly breach: Breach;
  readonly budgetMs: number;

  constructor(breach: Breach, budgetMs: number, cause?: unknown) {
    const { waiter, relation, waitedMs } = breach;
    super(
      `Stopped, because it made session ${waiter.pid} (user ${waiter.user}, application "${waiter.applicationName}": ` +
        `${shorten(waiter.query, 100)}) wait for ${relation ?? 'a row'} for ${Math.round(waitedMs)} ms, ` +
        `and the budget is ${budgetMs} ms. Give the migration its zero-downtime form, part it into several, ` +
        'or allow more with --max-blocking.',
      { cause },
    );
    this.breach = breach;
    this.budgetMs = budgetMs;
  }
}
