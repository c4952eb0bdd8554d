/** Acknowledges findings of the security rules, each with its reason, where the reason is. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export function acknowledge(
  construct: IConstruct,
  reasons: Readonly<Record<`AwsSolutions-${string}`, string>>,
): void {
  Validations.of(construct).acknowledge(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })));
}
