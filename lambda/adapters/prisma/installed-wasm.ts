/** Reads the engine's WebAssembly module from the installed npm package. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { LoadWasm } from './engine-module';

/** @param root folder in which, or above which, `@prisma/schema-engine-wasm` is installed */
export const installedWasm =
  (root: string): LoadWasm =>
  () => {
    // The package exports no .wasm: it lies beside the glue code, which can be resolved.
    const glue = createRequire(join(root, 'package.json')).resolve(
      '@prisma/schema-engine-wasm/schema_engine_bg',
    );
    return readFile(join(dirname(glue), 'schema_engine_bg.wasm'));
  };
