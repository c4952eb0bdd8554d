/** All of Godwit in one account and region: network, database, journal, notifications, steps and workflow. */
import { CfnOutput, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { StageConfig } from '../config';
import { Database } from '../constructs/database';
import { Drill } from '../constructs/drill';
import { Journal } from '../constructs/journal';
import { Network } from '../constructs/network';
import { Notifications } from '../constructs/notifications';
import { Steps } from '../constructs/steps';
import { WorkflowMachine } from '../constructs/workflow-machine';

export class GodwitStack extends Stack {
  readonly database: Database;
  readonly journal: Journal;
  readonly notifications: Notifications;
  readonly steps: Steps;
  readonly workflow: WorkflowMachine;
  readonly drill: Drill;

  constructor(scope: Construct, id: string, config: StageConfig) {
    super(scope, id, {
      env: { account: config.account, region: config.region },
      description: `Godwit (${config.stage}): database migrations with a way back`,
      terminationProtection: config.database.deletionProtection,
    });
    Tags.of(this).add('application', 'godwit');
    Tags.of(this).add('stage', config.stage);

    // One key for all that can tell of the data. Lost, it would take every snapshot with it: it stays with them.
    const key = new Key(this, 'Key', {
      alias: `godwit-${config.stage}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    key.grantEncryptDecrypt(new ServicePrincipal(`logs.${config.region}.amazonaws.com`));

    const network = new Network(this, 'Network', { cidr: config.vpcCidr, key });
    this.database = new Database(this, 'Database', { config, network, key });
    this.journal = new Journal(this, 'Journal', { key });
    this.notifications = new Notifications(this, 'Notifications', { key, emails: config.notify });
    const surroundings = {
      config,
      key,
      network,
      database: this.database,
      journal: this.journal,
      notifications: this.notifications,
    };
    this.steps = new Steps(this, 'Steps', surroundings);
    this.workflow = new WorkflowMachine(this, 'Workflow', { config, key, steps: this.steps });
    this.drill = new Drill(this, 'Drill', { ...surroundings, code: this.steps.code });

    // What the command line needs to start runs here.
    new CfnOutput(this, 'StateMachineArn', { value: this.workflow.stateMachine.stateMachineArn });
    new CfnOutput(this, 'DrillArn', { value: this.drill.stateMachine.stateMachineArn });
    new CfnOutput(this, 'JournalBucket', { value: this.journal.bucket.bucketName });
    new CfnOutput(this, 'TopicArn', { value: this.notifications.topic.topicArn });
    new CfnOutput(this, 'DatabaseHost', { value: this.database.instance.dbInstanceEndpointAddress });
    new CfnOutput(this, 'SecretArn', { value: this.database.secret.secretArn });
  }
}
