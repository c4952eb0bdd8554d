/** Where runs are recorded: versioned, encrypted, reachable by TLS only, and kept when the stack goes. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge';

export class Journal extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: { readonly key: IKey }) {
    super(scope, id);
    const common = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
    } as const;
    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...common,
      // S3 delivers access logs to no bucket with a key of one's own.
      encryption: BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ expiration: Duration.days(400) }],
    });
    acknowledge(accessLogs, {
      'AwsSolutions-S1': 'It holds the access logs; logging access to them would never end.',
    });
    this.bucket = new Bucket(this, 'Bucket', {
      ...common,
      versioned: true,
      encryption: BucketEncryption.KMS,
      encryptionKey: props.key,
      bucketKeyEnabled: true,
      serverAccessLogsBucket: accessLogs as IBucket,
      // The lease is written every twenty seconds of a run; its old versions say nothing that the journal does not.
      lifecycleRules: [{ prefix: 'leases/', noncurrentVersionExpiration: Duration.days(30) }],
    });
  }
}
