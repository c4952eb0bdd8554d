#!/usr/bin/env node
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../cli/main';

process.exitCode = await main({
  argv: process.argv,
  env: process.env,
  cwd: process.cwd(),
  projectRoot: dirname(dirname(fileURLToPath(import.meta.url))),
});
