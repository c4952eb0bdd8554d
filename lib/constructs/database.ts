/** The database that is migrated: encrypted, restorable to any second, and never lost with the stack. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { InstanceType, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  CaCertificate,
  Credentials,
  DatabaseInsightsMode,
  DatabaseInstance,
  DatabaseInstanceEngine,
  EngineLifecycleSupport,
  ParameterGroup,
  PerformanceInsightRetention,
  PostgresEngineVersion,
  StorageType,
  SubnetGroup,
} from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge';
import type { StageConfig } from '../config';
import type { Network } from './network';

/** The newest that the CDK lists; the embedded home runs the same major version. */
const ENGINE = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_18_3 });

const EXPORTED_LOGS = ['postgresql', 'upgrade'] as const;

export class Database extends Construct {
  readonly instance: DatabaseInstance;
  readonly secret: ISecret;
  /** Also after a cut-over: then it names the restored instance. */
  readonly identifier: string;
  readonly databaseName: string;
  /** What restores must be given, and roles allowed, by name. */
  readonly parameterGroupName: string;
  readonly subnetGroupName: string;
  readonly monitoringRoleArn: string;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly config: StageConfig; readonly network: Network; readonly key: IKey },
  ) {
    super(scope, id);
    const { database, stage } = props.config;
    this.identifier = `${database.name}-${stage}`;
    this.databaseName = database.name;
    const parameterGroup = this.#parameters();
    const subnetGroup = new SubnetGroup(this, 'Subnets', {
      description: 'The database and its clones',
      vpc: props.network.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    });
    const monitoringRole = new Role(this, 'Monitoring', {
      assumedBy: new ServicePrincipal('monitoring.rds.amazonaws.com'),
      managedPolicies: [
        ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonRDSEnhancedMonitoringRole'),
      ],
    });
    acknowledge(monitoringRole, {
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]':
        'The policy that RDS documents for enhanced monitoring; it writes to RDSOSMetrics only.',
    });
    this.parameterGroupName = parameterGroup.bindToInstance({}).parameterGroupName;
    this.subnetGroupName = subnetGroup.subnetGroupName;
    this.monitoringRoleArn = monitoringRole.roleArn;
    const logGroups = EXPORTED_LOGS.map(
      (log) =>
        // RDS would make them itself, unencrypted and kept for ever.
        new LogGroup(this, `Log-${log}`, {
          logGroupName: `/aws/rds/instance/${this.identifier}/${log}`,
          retention: RetentionDays.THREE_MONTHS,
          encryptionKey: props.key,
        }),
    );
    this.instance = new DatabaseInstance(this, 'Instance', {
      // Named, since a cut-over swaps names. CloudFormation can then not replace the instance, which is as it should be.
      instanceIdentifier: this.identifier,
      engine: ENGINE,
      engineLifecycleSupport: EngineLifecycleSupport.OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED,
      instanceType: new InstanceType(database.instanceType),
      databaseName: database.name,
      credentials: Credentials.fromGeneratedSecret('godwit', { encryptionKey: props.key }),
      vpc: props.network.vpc,
      subnetGroup,
      securityGroups: [props.network.database],
      multiAz: database.multiAz,
      publiclyAccessible: false,
      storageType: StorageType.GP3,
      allocatedStorage: database.allocatedGib,
      maxAllocatedStorage: database.maxAllocatedGib,
      storageEncrypted: true,
      storageEncryptionKey: props.key,
      caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
      iamAuthentication: true,
      parameterGroup,
      backupRetention: Duration.days(database.retentionDays),
      // CloudFormation's default would delete what restores are made from together with the instance.
      deleteAutomatedBackups: false,
      copyTagsToSnapshot: true,
      deletionProtection: database.deletionProtection,
      removalPolicy: database.deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.SNAPSHOT,
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      cloudwatchLogsExports: [...EXPORTED_LOGS],
      monitoringInterval: Duration.minutes(1),
      monitoringRole,
      enablePerformanceInsights: true,
      performanceInsightEncryptionKey: props.key,
      performanceInsightRetention: PerformanceInsightRetention.DEFAULT,
      databaseInsightsMode: DatabaseInsightsMode.STANDARD,
    });
    this.instance.node.addDependency(...logGroups);
    if (this.instance.secret === undefined) throw new TypeError('the instance has no secret');
    this.secret = this.instance.secret;
    this.instance.addRotationSingleUser({
      automaticallyAfter: Duration.days(30),
      securityGroup: props.network.steps,
    });
    this.#acknowledge(database);
  }

  #parameters(): ParameterGroup {
    return new ParameterGroup(this, 'Parameters', {
      engine: ENGINE,
      description: 'TLS only, and lock waits in the log',
      parameters: {
        'rds.force_ssl': '1',
        log_lock_waits: '1',
        // After which a wait for a lock is logged; Postgres also looks for deadlocks then.
        deadlock_timeout: '1000',
        log_min_duration_statement: '5000',
        // Connections of a crashed application would otherwise hold their locks for two hours.
        tcp_keepalives_idle: '60',
      },
    });
  }

  #acknowledge({ multiAz, deletionProtection }: StageConfig['database']): void {
    acknowledge(this.instance, {
      'AwsSolutions-RDS11':
        "Only the steps' security group reaches the port; another number would hide nothing.",
      ...(multiAz
        ? {}
        : { 'AwsSolutions-RDS3': 'A stage for development: a standby would double its price.' }),
      ...(deletionProtection
        ? {}
        : { 'AwsSolutions-RDS10': 'A stage for development: it is torn down with its stack.' }),
    });
  }
}
