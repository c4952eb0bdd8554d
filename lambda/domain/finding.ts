/** A finding: something a person should know before, during or after a migration. */

export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  /** Stable, kebab-case: scripts match it. */
  readonly id: string;
  readonly severity: Severity;
  readonly migration?: string;
  readonly statement?: number;
  readonly line?: number;
  /** The object that it is about. */
  readonly subject: string;
  readonly effect: string;
  readonly remedy: string;
}

export const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some((finding) => finding.severity === 'error');
