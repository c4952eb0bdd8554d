/** The journal's home on AWS: conditional writes make S3 the only store needed, and versioning keeps what was there. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectStore, PutResult, StoredObject } from '../../ports/object-store';
import { callAws } from './call';
import { AwsAnswerUnusable } from './errors';

type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  /** Without `s3:ListBucket` S3 answers 403 for a key that does not exist, which throws: it is not known to be absent. */
  async get(key: string): Promise<StoredObject | undefined> {
    return callAws(
      's3',
      'GetObject',
      async () => {
        const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
        const body = await answer.Body?.transformToString('utf8');
        if (body === undefined) throw new AwsAnswerUnusable(`no body for ${key}`);
        return { body, version: versionOf(answer.ETag, key) };
      },
      { NoSuchKey: () => undefined },
    );
  }

  putIfAbsent(key: string, body: string): Promise<PutResult> {
    return this.#put(key, body, { IfNoneMatch: '*' });
  }

  putIfMatch(key: string, body: string, version: string): Promise<PutResult> {
    return this.#put(key, body, { IfMatch: version });
  }

  async list(prefix: string): Promise<readonly string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await callAws('s3', 'ListObjectsV2', () =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      keys.push(...(page.Contents ?? []).map((object) => object.Key ?? ''));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    // S3 sorts by UTF-8 bytes, which differs from code units beyond the basic plane.
    return keys.sort();
  }

  async #put(key: string, body: string, condition: Condition): Promise<PutResult> {
    const conflict = async (error: { $metadata?: { attempts?: number } }): Promise<PutResult> =>
      (error.$metadata?.attempts ?? 1) > 1 ? this.#perhapsOurs(key, body) : { outcome: 'conflict' };
    return callAws<PutResult>(
      's3',
      'PutObject',
      async () => {
        const answer = await this.#client.send(
          new PutObjectCommand({
            Bucket: this.#bucket,
            Key: key,
            Body: body,
            ContentType: 'application/json',
            ...condition,
          }),
        );
        return { outcome: 'written', version: versionOf(answer.ETag, key) };
      },
      {
        PreconditionFailed: conflict,
        // 409: another conditional write of the key was under way.
        ConditionalRequestConflict: conflict,
        // If-Match on a key that is gone.
        NoSuchKey: () => ({ outcome: 'conflict' }),
      },
    );
  }

  /** The SDK repeats a write whose answer got lost; the repetition then collides with what the first attempt wrote. */
  async #perhapsOurs(key: string, body: string): Promise<PutResult> {
    const stored = await this.get(key);
    return stored?.body === body ? { outcome: 'written', version: stored.version } : { outcome: 'conflict' };
  }
}

function versionOf(etag: string | undefined, key: string): string {
  if (etag === undefined) throw new AwsAnswerUnusable(`no ETag for ${key}`);
  return etag;
}
