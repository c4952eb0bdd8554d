/** The CDK application of one stage, checked against the AwsSolutions rules. */
import { App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readStageConfig } from './config';
import { GodwitStack } from './stacks/godwit-stack';

export function createApp(props: AppProps = {}): { readonly app: App; readonly stack: GodwitStack } {
  const app = new App(props);
  const config = readStageConfig(app.node.tryGetContext('stages'), app.node.tryGetContext('stage'));
  const stack = new GodwitStack(app, `Godwit-${config.stage}`, config);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, stack };
}
