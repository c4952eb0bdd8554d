import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { AwsAccessDenied, AwsCallFailed } from '../../lambda/adapters/aws/errors';
import { S3ObjectStore } from '../../lambda/adapters/aws/s3-object-store';
import { awsError } from '../support/aws-fake-rds';
import { FakeS3 } from '../support/aws-fake-s3';

function setUp() {
  const s3 = new FakeS3();
  return { s3, store: new S3ObjectStore(s3.client, 'journal') };
}

test('what was written is read, with the version that the write answered', async () => {
  const { store } = setUp();
  const written = await store.putIfAbsent('runs/1', 'one');

  expect(await store.get('runs/1')).toEqual({
    body: 'one',
    version: written.outcome === 'written' && written.version,
  });
  expect(await store.get('runs/2')).toBeUndefined();
});

test('of two who write first, one does', async () => {
  const { store } = setUp();
  await store.putIfAbsent('lease', 'mine');

  expect(await store.putIfAbsent('lease', 'yours')).toEqual({ outcome: 'conflict' });
  expect((await store.get('lease'))?.body).toBe('mine');
});

test('a write over what was read succeeds once', async () => {
  const { store } = setUp();
  await store.putIfAbsent('lease', 'one');
  const version = (await store.get('lease'))?.version ?? '';

  expect((await store.putIfMatch('lease', 'two', version)).outcome).toBe('written');
  expect(await store.putIfMatch('lease', 'three', version)).toEqual({ outcome: 'conflict' });
});

test('a write over what is gone is a conflict', async () => {
  expect(await setUp().store.putIfMatch('gone', 'two', '"1"')).toEqual({ outcome: 'conflict' });
});

test('a write that collides with one under way is a conflict', async () => {
  const { s3, store } = setUp();
  s3.mock.on(PutObjectCommand).rejects(awsError('ConditionalRequestConflict', 409));

  expect(await store.putIfAbsent('a', 'b')).toEqual({ outcome: 'conflict' });
});

test('a write whose answer got lost is known by its content', async () => {
  const { s3, store } = setUp();
  s3.objects.set('answer', { body: 'mine', etag: '"9"' });
  s3.mock.on(PutObjectCommand).rejects(awsError('PreconditionFailed', 412, 2));

  expect(await store.putIfAbsent('answer', 'mine')).toEqual({ outcome: 'written', version: '"9"' });
  expect(await store.putIfAbsent('answer', 'yours')).toEqual({ outcome: 'conflict' });
});

test('the same content of somebody else is a conflict', async () => {
  const { store } = setUp();
  await store.putIfAbsent('answer', 'same');

  expect(await store.putIfAbsent('answer', 'same')).toEqual({ outcome: 'conflict' });
});

test('keys are listed across pages, sorted, below the prefix only', async () => {
  const { store } = setUp();
  for (const key of ['runs/c', 'runs/a', 'leases/x', 'runs/b', 'runs/d', 'runs/e'])
    await store.putIfAbsent(key, '');

  expect(await store.list('runs/')).toEqual(['runs/a', 'runs/b', 'runs/c', 'runs/d', 'runs/e']);
  expect(await store.list('none/')).toEqual([]);
});

test.each([
  ['AccessDenied', 403, AwsAccessDenied],
  ['InternalError', 500, AwsCallFailed],
  ['SlowDown', 503, AwsCallFailed],
])('%s is neither absence nor conflict', async (name, status, expected) => {
  const { s3, store } = setUp();
  for (const command of [GetObjectCommand, PutObjectCommand, ListObjectsV2Command]) {
    s3.mock.on(command as typeof GetObjectCommand).rejects(awsError(name, status));
  }

  await expect(store.get('a')).rejects.toThrow(expected);
  await expect(store.putIfAbsent('a', 'b')).rejects.toThrow(expected);
  await expect(store.putIfMatch('a', 'b', '"1"')).rejects.toThrow(expected);
  await expect(store.list('a')).rejects.toThrow(expected);
});

test('a bucket that does not exist is no absent object', async () => {
  const { s3 } = setUp();

  await expect(new S3ObjectStore(s3.client, 'another').get('a')).rejects.toThrow(/NoSuchBucket/);
});
