/** A strict stand-in for S3: conditions are checked on write, versions change with every write, listings come in pages. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { awsError } from './aws-fake-rds';

export class FakeS3 {
  readonly client = new S3Client({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  readonly mock = mockClient(this.client);
  readonly objects = new Map<string, { body: string; etag: string }>();
  #writes = 0;

  constructor() {
    this.mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    this.mock.on(GetObjectCommand).callsFake(({ Bucket, Key }) => {
      if (Bucket !== 'journal') throw awsError('NoSuchBucket', 404);
      const stored = this.objects.get(Key);
      if (stored === undefined) throw awsError('NoSuchKey', 404);
      return { Body: { transformToString: async () => stored.body }, ETag: stored.etag };
    });
    this.mock.on(PutObjectCommand).callsFake(({ Key, Body, IfNoneMatch, IfMatch }) => {
      const stored = this.objects.get(Key);
      if (IfNoneMatch === undefined && IfMatch === undefined) throw new Error('an unconditional write');
      if (IfNoneMatch === '*' && stored !== undefined) throw awsError('PreconditionFailed', 412);
      if (IfMatch !== undefined && stored === undefined) throw awsError('NoSuchKey', 404);
      if (IfMatch !== undefined && stored?.etag !== IfMatch) throw awsError('PreconditionFailed', 412);
      this.#writes += 1;
      const etag = `"${this.#writes}"`;
      this.objects.set(Key, { body: Body, etag });
      return { ETag: etag };
    });
    this.mock.on(ListObjectsV2Command).callsFake(({ Prefix, ContinuationToken }) => {
      const keys = [...this.objects.keys()].filter((key) => key.startsWith(Prefix)).sort();
      const from = Number(ContinuationToken ?? 0);
      const Contents = keys.slice(from, from + 2).map((Key) => ({ Key }));
      return from + 2 < keys.length ? { Contents, NextContinuationToken: String(from + 2) } : { Contents };
    });
  }
}
