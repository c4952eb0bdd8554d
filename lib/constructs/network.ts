/** A network without a way out: the database and what works on it reach AWS through endpoints only. */
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export class Network extends Construct {
  readonly vpc: IVpc;
  readonly database: SecurityGroup;
  readonly steps: SecurityGroup;

  constructor(scope: Construct, id: string, props: { readonly cidr: string; readonly key: IKey }) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(props.cidr),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    // The CDK's classes declare optional members otherwise than its interfaces do.
    this.vpc = vpc as IVpc;
    this.vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', { retention: RetentionDays.ONE_MONTH, encryptionKey: props.key }),
      ),
    });
    const group = (name: string, description: string): SecurityGroup =>
      new SecurityGroup(this, name, { vpc: this.vpc, description, allowAllOutbound: false });
    this.database = group('Database', 'The database and its clones');
    this.steps = group('Steps', 'Steps of the workflow');
    const endpoints = group('Endpoints', 'Endpoints of the AWS services that steps call');

    this.steps.connections.allowTo(this.database, Port.tcp(5432), 'Postgres');
    this.steps.connections.allowTo(endpoints, Port.HTTPS, 'AWS services');
    // The gateway endpoint's prefix list is known at deployment only; the routes lead nowhere else.
    this.steps.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'S3 through its gateway endpoint');
    for (const [name, service] of Object.entries({
      Rds: InterfaceVpcEndpointAwsService.RDS,
      SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      Sns: InterfaceVpcEndpointAwsService.SNS,
    })) {
      this.vpc.addInterfaceEndpoint(name, { service, securityGroups: [endpoints], open: false });
    }
  }
}
