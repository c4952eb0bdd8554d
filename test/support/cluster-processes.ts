/** Runs `cluster-child.ts`. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './cluster';

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function runChild(command: string, dataDir: string, name = ''): Promise<ChildOutcome> {
  const script = join(__dirname, 'cluster-child.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, command, dataDir, projectRoot, name], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Jest's own options are not for others.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
