/** Keeps every notification as an object, so that a laptop without SNS can show what would have been sent, and to whom. */
import type { Notification, Notifier } from '../../ports/notifier';
import type { ObjectStore } from '../../ports/object-store';

export class OutboxNotifier implements Notifier {
  readonly #store: ObjectStore;
  readonly #show: (notification: Notification) => void;

  constructor(store: ObjectStore, show: (notification: Notification) => void = () => undefined) {
    this.#store = store;
    this.#show = show;
  }

  async notify(notification: Notification): Promise<void> {
    const prefix = `outbox/${notification.runId}/`;
    for (let number = (await this.#store.list(prefix)).length; ; number += 1) {
      const key = `${prefix}${String(number).padStart(3, '0')}-${notification.audience}.json`;
      const written = await this.#store.putIfAbsent(key, JSON.stringify(notification, undefined, 2));
      if (written.outcome === 'written') break;
    }
    this.#show(notification);
  }
}
