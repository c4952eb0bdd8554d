import { inspect } from 'node:util';
import {
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { SecretsManagerSecrets } from '../../lambda/adapters/aws/secrets-manager-secrets';
import { awsError } from '../support/aws-fake-rds';

const PASSWORD = 'hunter2"\\ü';

function setUp() {
  const client = new SecretsManagerClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  const contents = new Map<string, string | Uint8Array>();
  mockClient(client)
    .on(GetSecretValueCommand)
    .callsFake(({ SecretId = '' }: GetSecretValueCommandInput) => {
      const content = contents.get(SecretId);
      if (content === undefined) throw awsError('ResourceNotFoundException');
      return typeof content === 'string' ? { SecretString: content } : { SecretBinary: content };
    });
  return { contents, secrets: new SecretsManagerSecrets(client) };
}

const written = (username: string, password: string): string => JSON.stringify({ username, password });

describe('SecretsManagerSecrets keeps the promises of secrets', () => {
  it('gives the credentials of the name that it is asked for, with every character of them', async () => {
    const { contents, secrets } = setUp();
    contents.set('prod', written('godwit', PASSWORD));
    contents.set('staging', written('somebody', 'else'));
    expect(await secrets.databaseCredentials('prod')).toEqual({ user: 'godwit', password: PASSWORD });
  });

  it('gives what is valid now, after a rotation too', async () => {
    const { contents, secrets } = setUp();
    contents.set('prod', written('godwit', 'old'));
    await secrets.databaseCredentials('prod');
    contents.set('prod', written('godwit', 'new'));
    expect(await secrets.databaseCredentials('prod')).toEqual({ user: 'godwit', password: 'new' });
  });

  it('takes an absent secret for an error that says so', async () => {
    const { secrets } = setUp();
    await expect(secrets.databaseCredentials('prod')).rejects.toMatchObject({
      name: 'AwsRequestRefused',
      code: 'ResourceNotFoundException',
    });
  });

  it.each([
    ['no JSON', 'hunter2'],
    ['JSON that ends too early', '{"username":"godwit","password":"hunter2'],
    ['a list', '["godwit","hunter2"]'],
    ['a user without a password', '{"username":"godwit","pass":"hunter2"}'],
    ['a password without a user', '{"password":"hunter2"}'],
    ['a password that is no text', '{"username":"godwit","password":["hunter2"]}'],
    ['bytes', Buffer.from('hunter2')],
  ])(
    'repeats nothing of a secret that holds %s, however closely the error is looked at',
    async (_what, content) => {
      const { contents, secrets } = setUp();
      contents.set('prod', content);
      const failure: unknown = await secrets.databaseCredentials('prod').catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'SecretUnusable', secret: 'prod' });
      const everything = inspect(failure, { depth: Number.POSITIVE_INFINITY, showHidden: true });
      expect(everything + JSON.stringify(failure)).not.toContain('hunter2');
    },
  );
});
