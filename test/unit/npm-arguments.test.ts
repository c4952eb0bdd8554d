import { type Environment, npmArguments } from '../../cli/prisma-commands/npm-arguments';

const under = (script: string, env: Environment = {}): Environment => ({
  npm_lifecycle_event: script,
  ...env,
});
const dev = (env: Environment = {}): Environment => under('prisma:migrate:dev', env);
const resolve = (env: Environment = {}): Environment => under('prisma:migrate:resolve', env);

describe('arguments of an npm script', () => {
  it('gives back the name that npm 11 took for itself', () => {
    expect(npmArguments(['dev'], dev({ npm_config_name: 'init' }))).toEqual(['dev', '--name', 'init']);
  });

  it('gives back the name that npm 10 parted from its option', () => {
    const env = dev({ npm_config_name: 'true', npm_config_create_only: 'true' });
    expect(npmArguments(['dev', 'init'], env)).toEqual(['dev', '--create-only', '--name', 'init']);
  });

  it('joins --rolled-back and --applied with the migration that follows', () => {
    const migration = '20250101000000_init';
    expect(npmArguments(['resolve', migration], resolve({ npm_config_rolled_back: 'true' }))).toEqual([
      'resolve',
      '--rolled-back',
      migration,
    ]);
    expect(npmArguments(['resolve', migration], resolve({ npm_config_applied: 'true' }))).toEqual([
      'resolve',
      '--applied',
      migration,
    ]);
    expect(npmArguments(['resolve'], resolve({ npm_config_applied: migration }))).toEqual([
      'resolve',
      '--applied',
      migration,
    ]);
  });

  it('lets win what was given after the two dashes', () => {
    const env = dev({ npm_config_name: 'leaked' });
    expect(npmArguments(['dev', '--name', 'init'], env)).toEqual(['dev', '--name', 'init']);
    expect(npmArguments(['dev', '--name=init'], env)).toEqual(['dev', '--name=init']);
    expect(npmArguments(['dev', '-n', 'init'], env)).toEqual(['dev', '-n', 'init']);
  });

  it('leaves an option without its value to the command, which asks for it', () => {
    expect(npmArguments(['dev'], dev({ npm_config_name: 'true' }))).toEqual(['dev', '--name']);
    expect(npmArguments(['dev', '--json'], dev({ npm_config_name: 'true' }))).toEqual([
      'dev',
      '--json',
      '--name',
    ]);
  });

  it('refuses to guess which value belongs to which option', () => {
    const env = dev({ npm_config_name: 'true', npm_config_prisma: 'true' });
    expect(() => npmArguments(['dev', 'db', 'init'], env)).toThrow('npm run <script> -- --prisma <value>');
  });

  it('ignores what npm has set for other reasons', () => {
    expect(npmArguments(['dev'], { npm_config_name: 'x' })).toEqual(['dev']);
    expect(npmArguments(['dev'], under('start', { npm_config_name: 'x' }))).toEqual(['dev']);
    expect(npmArguments(['resolve'], resolve({ npm_config_name: 'x' }))).toEqual(['resolve']);
    expect(npmArguments(['dev'], dev({ npm_config_create_only: '' }))).toEqual(['dev']);
  });

  it('passes on the options that every command has', () => {
    const env = under('prisma:migrate:status', { npm_config_json: 'true', npm_config_prisma: 'db' });
    expect(npmArguments(['status'], env)).toEqual(['status', '--prisma', 'db', '--json']);
  });
});
