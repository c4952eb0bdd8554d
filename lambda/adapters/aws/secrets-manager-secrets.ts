/** Database credentials from Secrets Manager, in the shape that RDS and its rotation functions write. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { GodwitError } from '../../domain/errors';
import type { DatabaseCredentials, Secrets } from '../../ports/secrets';
import { callAws } from './call';

const shape = z.object({ username: z.string().min(1), password: z.string().min(1) });

/** The secret does not hold what RDS writes. Its content is not repeated. */
export class SecretUnusable extends GodwitError {
  override readonly name = 'SecretUnusable';
  readonly kind = 'refused';
  readonly secret: string;

  constructor(secret: string, problem: string) {
    super(`The secret ${secret} cannot be used: ${problem}. It must be JSON with username and password.`);
    this.secret = secret;
  }
}

export class SecretsManagerSecrets implements Secrets {
  readonly #client: SecretsManagerClient;

  constructor(client: SecretsManagerClient) {
    this.#client = client;
  }

  /** Asked anew every time: rotation may have changed it a second ago. */
  async databaseCredentials(name: string): Promise<DatabaseCredentials> {
    const { SecretString } = await callAws('secretsmanager', 'GetSecretValue', () =>
      this.#client.send(new GetSecretValueCommand({ SecretId: name })),
    );
    if (SecretString === undefined) throw new SecretUnusable(name, 'it is binary');
    const parsed = shape.safeParse(jsonOf(SecretString, name));
    if (!parsed.success) {
      const keys = parsed.error.issues.map((issue) => issue.path.join('.')).join(' and ');
      throw new SecretUnusable(name, `${keys || 'an object'} is missing`);
    }
    return { user: parsed.data.username, password: parsed.data.password };
  }
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is kept out of the cause, too.
    throw new SecretUnusable(name, 'it is not JSON');
  }
}
