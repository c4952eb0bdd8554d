#!/usr/bin/env node
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { main } from '../cli/main';

// Parser and schema engine are WebAssembly that a command uses for moments: optimizing their code would take twice the
// processor time of running it, beside an application that shares the machine.
setFlagsFromString('--liftoff-only');

process.exitCode = await main({
  argv: process.argv,
  env: process.env,
  cwd: process.cwd(),
  projectRoot: dirname(dirname(fileURLToPath(import.meta.url))),
});
