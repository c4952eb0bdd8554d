/** Starts processes that can be killed: the next one is loaded and warm while the one before it dies. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './cluster';
import type { CrashNews, CrashOrder } from './crash-child';

type Ended = Extract<CrashNews, { news: 'ended' }> | { readonly news: 'died'; readonly signal: string };
type Reached = Extract<CrashNews, { news: 'reached' }>;

export interface CrashProcess {
  /** Undefined where it came to its end before. */
  readonly reached: Promise<Reached | undefined>;
  readonly ended: Promise<Ended>;
  goOn(): void;
  kill(): void;
}

/** Bundled once: loading the sources one by one would take most of the time. */
function bundle(): string {
  const file = join(projectRoot, 'node_modules', '.cache', 'godwit-crash', `child-${process.pid}.cjs`);
  execFileSync(join(projectRoot, 'node_modules', '.bin', 'esbuild'), [
    join(__dirname, 'crash-child.ts'),
    '--bundle',
    '--platform=node',
    '--external:libpg-query',
    '--external:pg-native',
    '--format=cjs',
    '--log-level=error',
    `--outfile=${file}`,
  ]);
  return file;
}

export class CrashProcesses {
  readonly #file = bundle();
  readonly #alive = new Set<ChildProcess>();
  #next: Promise<ChildProcess> | undefined;

  async start(order: CrashOrder): Promise<CrashProcess> {
    const warm = this.#next ?? this.#spawn();
    this.#next = this.#spawn();
    const child = await warm;
    let tellReached: (news: Reached | undefined) => void = () => undefined;
    const reached = new Promise<Reached | undefined>((resolve) => {
      tellReached = resolve;
    });
    const ended = new Promise<Ended>((resolve) => {
      child.on('message', (news: CrashNews) => {
        if (news.news === 'reached') tellReached(news);
        if (news.news === 'ended') resolve(news);
      });
      child.once('exit', (_, signal) => resolve({ news: 'died', signal: signal ?? 'none' }));
    });
    void ended.then(() => tellReached(undefined));
    child.send(order, () => undefined);
    return {
      reached,
      ended,
      goOn: () => {
        // It may just have come to its end: then there is nobody to tell.
        if (child.connected) child.send('go on', () => undefined);
      },
      kill: () => {
        child.kill('SIGKILL');
      },
    };
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => undefined);
    for (const child of this.#alive) child.kill('SIGKILL');
    rmSync(this.#file, { force: true });
  }

  #spawn(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--liftoff-only', this.#file], {
      cwd: projectRoot,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#alive.add(child);
    child.once('exit', () => this.#alive.delete(child));
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve(child));
      child.once('exit', (code) =>
        reject(new Error(`A process of the crash matrix ended at once (${code}).`)),
      );
    });
  }
}
