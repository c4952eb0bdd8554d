/** Renders what the documentation shows of the code: the workflow's picture and the linter's rules. `--check` only says whether it is current. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderMermaid } from '../lib/render-mermaid';
import { renderDefinition } from '../lib/render-workflow';
import { rulePages } from './render-rules';

const root = join(__dirname, '..');
const readme = 'README.md';
const rules = join('docs', 'rules');

export function withPicture(text: string): string {
  const picture = `<!-- workflow -->\n\`\`\`mermaid\n${renderMermaid(renderDefinition()).trimEnd()}\n\`\`\`\n<!-- /workflow -->`;
  return text.replace(/<!-- workflow -->[\s\S]*<!-- \/workflow -->/, () => picture);
}

const read = (file: string): string | undefined =>
  existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : undefined;

/** By path; `undefined` for a page of a rule that is no more. */
function wanted(): ReadonlyMap<string, string | undefined> {
  const pages = [...rulePages()].map(([name, text]): [string, string] => [join(rules, name), text]);
  const known = existsSync(join(root, rules)) ? readdirSync(join(root, rules)) : [];
  const gone = known
    .map((name) => join(rules, name))
    .filter((file) => !pages.some(([path]) => path === file));
  return new Map<string, string | undefined>([
    [readme, withPicture(read(readme) ?? '')],
    ...pages,
    ...gone.map((file): [string, undefined] => [file, undefined]),
  ]);
}

export const outdated = (): readonly string[] =>
  [...wanted()].flatMap(([file, text]) => (read(file) === text ? [] : [file]));

function render(): void {
  mkdirSync(join(root, rules), { recursive: true });
  for (const [file, text] of wanted()) {
    if (text === undefined) rmSync(join(root, file));
    else if (text !== read(file)) writeFileSync(join(root, file), text);
  }
}

if (require.main === module) {
  if (process.argv.includes('--check')) {
    const files = outdated();
    if (files.length > 0) {
      process.stderr.write(`Not as the code has it: ${files.join(', ')}. Run "npm run docs".\n`);
      process.exitCode = 1;
    }
  } else render();
}
