/** The code of all steps as one asset: bundled once, uploaded once, with the two WebAssembly modules beside it. */
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';

const PROJECT = join(__dirname, '..');
const HANDLERS = join(PROJECT, 'lambda/handlers');
const resolveFrom = createRequire(join(PROJECT, 'package.json')).resolve;

/** Each is looked for beside the bundle by whoever loads it: Postgres's parser, and Prisma's schema engine. */
const WASM = [
  join(dirname(resolveFrom('libpg-query')), 'libpg-query.wasm'),
  join(dirname(resolveFrom('@prisma/schema-engine-wasm/schema_engine_bg')), 'schema_engine_bg.wasm'),
];

/** @param entry another module of the project, for tests of how it behaves in a bundle */
export function bundleSteps(outdir: string, entry = join(HANDLERS, 'index.ts')): void {
  buildSync({
    absWorkingDir: PROJECT,
    entryPoints: [entry],
    outfile: join(outdir, 'index.js'),
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    // CommonJS variants: the parser's finds its module by __dirname, which an ES module has not.
    mainFields: ['main', 'module'],
    minify: true,
    // Stack traces in the journal are read by people.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'error',
  });
  for (const file of WASM) copyFileSync(file, join(outdir, file.slice(dirname(file).length + 1)));
}

export const stepCode = (): Code =>
  Code.fromAsset(HANDLERS, {
    // Of what comes out: the same in every folder, and changed by nothing that does not change the code.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never pulled: the local bundling always succeeds, or fails with esbuild's message.
      image: DockerImage.fromRegistry('scratch'),
      local: {
        tryBundle: (outdir) => {
          bundleSteps(outdir);
          return true;
        },
      },
    },
  });
