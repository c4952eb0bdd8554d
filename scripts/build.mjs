/** Builds `dist/`: the command line as one bundle in lazily loaded parts, and the workflow's definition from CDK. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const scratch = join(root, 'node_modules', '.cache', 'godwit-build');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
mkdirSync(scratch, { recursive: true });

const common = { absWorkingDir: root, bundle: true, platform: 'node', packages: 'external', metafile: true };

const [cli, renderer] = await Promise.all([
  build({
    ...common,
    entryPoints: {
      godwit: join(root, 'bin', 'godwit.ts'),
      application: join(root, 'demo', 'application', 'process.ts'),
      'bench-load': join(root, 'bench', 'stall', 'load-process.ts'),
      'bench-runner': join(root, 'bench', 'stall', 'runner-process.ts'),
      'bench-writers': join(root, 'bench', 'recovery', 'load-process.ts'),
    },
    outdir: dist,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    target: 'node20',
    sourcemap: true,
    // A package that is CommonJS inside calls require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  }),
  build({
    ...common,
    entryPoints: [join(root, 'lib', 'render-workflow.ts')],
    outfile: join(scratch, 'render-workflow.cjs'),
    format: 'cjs',
    target: 'node20',
  }),
]);

const { renderDefinition } = (await import(pathToFileURL(join(scratch, 'render-workflow.cjs')).href)).default;
writeFileSync(join(dist, 'workflow.asl.json'), `${JSON.stringify(renderDefinition(), undefined, 2)}\n`);

const inputs = new Set([...Object.keys(cli.metafile.inputs), ...Object.keys(renderer.metafile.inputs)]);
writeFileSync(
  join(dist, 'inputs.json'),
  JSON.stringify([...inputs].map((file) => relative(root, join(root, file))).sort()),
);
