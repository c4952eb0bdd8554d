/** Prints the workflow: as a Mermaid diagram, or with `--asl` as the Amazon States Language that both homes execute. */
import { renderMermaid } from '../lib/render-mermaid';
import { renderDefinition } from '../lib/render-workflow';

const definition = renderDefinition();
process.stdout.write(
  process.argv.includes('--asl') ? `${JSON.stringify(definition, null, 2)}\n` : renderMermaid(definition),
);
