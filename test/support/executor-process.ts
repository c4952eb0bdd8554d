/** An executor in a process of its own, as a long runner or another machine has one. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { MigrateOutcome, MigrateRequest } from '../../lambda/migrate/executor';
import { projectRoot } from './cluster';

const SCRIPT = `
  const { PgDatabase } = require('./lambda/adapters/postgres/pg-database');
  const { SystemClock } = require('./lambda/adapters/system-clock');
  const { migrate } = require('./lambda/migrate/executor');
  const { options, request } = JSON.parse(process.env.TEST_REQUEST);
  void migrate({ ...request, database: new PgDatabase(options), clock: new SystemClock() })
    .then((outcome) => process.stdout.write(JSON.stringify(outcome)));
`;

export interface ExecutorProcess {
  readonly child: ChildProcess;
  /** Undefined where the process ended without one. */
  readonly outcome: Promise<MigrateOutcome | undefined>;
}

/** Called at the top of a test file; what is still running after a test is killed. */
export function useExecutorProcesses(): (request: MigrateRequest) => Promise<ExecutorProcess> {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  return async (request) => {
    const { database, clock: _, ...plain } = request;
    const { password } = new URL(await database.connectionString());
    const options = { ...database.address, password: decodeURIComponent(password) };
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '--eval', SCRIPT], {
      cwd: projectRoot,
      env: { ...process.env, TEST_REQUEST: JSON.stringify({ options, request: plain }) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    return {
      child,
      outcome: ended.then(() => (told === '' ? undefined : (JSON.parse(told) as MigrateOutcome))),
    };
  };
}
