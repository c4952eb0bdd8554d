/** Puts the workflow's picture into the README, from the synthesized definition. `--check` only says whether it is current. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderMermaid } from '../lib/render-mermaid';
import { renderDefinition } from '../lib/render-workflow';

const readme = join(__dirname, '..', 'README.md');

export function withPicture(text: string): string {
  const picture = `<!-- workflow -->\n\`\`\`mermaid\n${renderMermaid(renderDefinition()).trimEnd()}\n\`\`\`\n<!-- /workflow -->`;
  return text.replace(/<!-- workflow -->[\s\S]*<!-- \/workflow -->/, () => picture);
}

if (require.main === module) {
  const before = readFileSync(readme, 'utf8');
  const after = withPicture(before);
  if (process.argv.includes('--check')) {
    if (before !== after) {
      process.stderr.write('README.md does not show the workflow as it is. Run "npm run docs".\n');
      process.exitCode = 1;
    }
  } else writeFileSync(readme, after);
}
