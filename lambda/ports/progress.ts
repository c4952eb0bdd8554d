/** Hears what a step is doing while it does it. */
import type { ProgressEvent } from '../domain/step';

export interface Progress {
  report(event: ProgressEvent): void;
}
