/** Synthesizes a stage as `cdk synth` does, offline, once in a test file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../lib/app';
import type { Stage } from '../../lib/config';

const PROJECT = join(__dirname, '../..');
const read = (file: string) =>
  JSON.parse(readFileSync(join(PROJECT, file), 'utf8')) as Record<string, unknown>;

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Synthesized {
  readonly text: string;
  readonly resources: Readonly<Record<string, Resource>>;
  /** Rules broken and not acknowledged. */
  readonly violations: readonly string[];
  ofType(type: string): readonly (readonly [string, Resource])[];
}

export function synthesize(stage: Stage): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'godwit-synth-'));
  const context = { ...(read('cdk.json').context as object), ...read('cdk.context.json'), stage };
  const exitCode = process.exitCode;
  const { app, stack } = createApp({ outdir, context, analyticsReporting: false });
  const assembly = app.synth();
  // The validation would fail the whole test run; its report is looked at instead.
  process.exitCode = exitCode;
  const template = assembly.getStackArtifact(stack.artifactId).template as {
    Resources: Record<string, Resource>;
  };
  const violations = violationsIn(outdir);
  rmSync(outdir, { recursive: true });
  return {
    text: JSON.stringify(template, null, 1),
    resources: template.Resources,
    violations,
    ofType: (type) => Object.entries(template.Resources).filter(([, resource]) => resource.Type === type),
  };
}

function violationsIn(outdir: string): readonly string[] {
  const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as {
    pluginReports: { violations: { ruleName: string; severity?: string }[] }[];
  };
  return report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
}
