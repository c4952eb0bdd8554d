import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';

describe('a database URL', () => {
  it('is read as Prisma writes it', () => {
    expect(
      parseDatabaseUrl('postgresql://app:p%40ss%2Fw%25rd@db.example.com:6432/we%20defi?schema=public'),
    ).toEqual({
      host: 'db.example.com',
      port: 6432,
      database: 'we defi',
      user: 'app',
      password: 'p@ss/w%rd',
      ssl: 'prefer',
      schema: 'public',
    });
  });

  it('has defaults for what it leaves out', () => {
    expect(parseDatabaseUrl('postgres://app@localhost/db')).toEqual({
      host: 'localhost',
      port: 5432,
      database: 'db',
      user: 'app',
      ssl: 'prefer',
    });
  });

  it.each([
    ['postgresql://u@[::1]/db', { host: '::1' }],
    ['postgresql://u@localhost/db?host=/var/run/postgresql', { host: '/var/run/postgresql' }],
    ['postgresql://u@h/db?sslmode=disable', { ssl: 'off' }],
    ['postgresql://u@h/db?sslmode=require', { ssl: { rejectUnauthorized: false } }],
    ['postgresql://u@h/db?sslmode=verify-ca', { ssl: { rejectUnauthorized: true, anyHostName: true } }],
    ['postgresql://u@h/db?sslmode=verify-full', { ssl: { rejectUnauthorized: true } }],
    ['postgresql://u@h/db?connect_timeout=3', { connectTimeoutMs: 3000 }],
    ['postgresql://u@h/db?pgbouncer=true&connection_limit=1', { host: 'h' }],
  ])('reads %s', (url, expected) => {
    expect(parseDatabaseUrl(url)).toMatchObject(expected);
  });

  it.each([
    ['postgresql://u:s3cret#x@h:5432/db', 'percent-encoded'],
    ['u:s3cret@h/db', 'postgresql://'],
    ['mysql://u:s3cret@h/db', 'mysql://'],
    ['postgresql://u:s3cret@h', 'names no database'],
    ['postgresql://:s3cret@h/db', 'names no user'],
    ['postgresql://u:s3cret%@h/db', 'percent'],
    ['postgresql://u:s3cret@h/db?sslmode=maybe', 'sslmode'],
    ['postgresql://u:s3cret@h/db?sslmode=verify-full&sslrootcert=/none.pem', '/none.pem'],
    ['postgresql://u:s3cret@h:port/db', 'not a URL'],
    ['', 'not a URL'],
  ])('that cannot be used is refused without repeating the password: %s', (url, problem) => {
    let thrown: unknown;
    try {
      parseDatabaseUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'UsageError', message: expect.stringContaining(problem) });
    expect(`${thrown} ${(thrown as Error).stack} ${(thrown as Error).cause}`).not.toContain('s3cret');
  });
});
