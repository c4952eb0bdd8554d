import { S3ObjectStore } from '../../lambda/adapters/aws/s3-object-store';
import { FakeS3 } from '../support/aws-fake-s3';
import { describeObjectStoreContract } from './object-store.contract';

describeObjectStoreContract('S3ObjectStore', async () => ({
  store: new S3ObjectStore(new FakeS3().client, 'journal'),
}));
