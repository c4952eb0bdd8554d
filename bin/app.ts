/** Entry point of the CDK: `npx cdk synth`, with `-c stage=prod` for another stage than the one in cdk.json. */
import { createApp } from '../lib/app';

createApp().app.synth();
