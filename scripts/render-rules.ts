/** Renders the pages about the linter's rules from the rules themselves. */
import { type Example, FAMILIES, type Rule } from '../lambda/checks/rules';

/** By the file's name in `docs/rules/`. */
export function rulePages(): ReadonlyMap<string, string> {
  const families = Object.entries(FAMILIES).map(([title, rules]) => ({ title, rules, file: fileOf(title) }));
  return new Map([
    ['README.md', index(families)],
    ...families.map(({ title, rules, file }): [string, string] => [file, page(title, rules)]),
  ]);
}

interface Family {
  readonly title: string;
  readonly rules: readonly Rule[];
  readonly file: string;
}

const fileOf = (title: string): string =>
  `${title.toLowerCase().replaceAll(',', '').replaceAll(' ', '-')}.md`;

const NOTE = '<!-- Rendered from lambda/checks/rules by "npm run docs". -->';

function index(families: readonly Family[]): string {
  const tables = families.map(
    ({ title, rules, file }) =>
      `## ${title}\n\n| rule | severity | found where |\n|---|---|---|\n${rules
        .map(
          ({ id, severity, condition }) =>
            `| [\`${id}\`](${file}#${id}) | ${severity} | ${cell(condition)} |`,
        )
        .join('\n')}`,
  );
  return `${NOTE}
# The rules of \`godwit check\`

Each rule is read from the parse tree, the catalog that the migration history (or a database) leaves before the
statement, and what the statement locks, reads and writes anew. Nothing is said of a table that the same migration
makes: it is empty, and nobody uses it. A table that no migration is known to have made is taken to be there, large and
in use.

With a database, work on tables that takes less than 20 ms (or, where its speed is not known, on no more than 1,000
rows) is \`info\`.

A finding that was thought about is allowed in the SQL, above the statement or, followed by an empty line, at the head
of the file; the reason appears in reports:

\`\`\`sql
-- godwit:allow drop-column because nothing has used it since release 41
\`\`\`

${tables.join('\n\n')}
`;
}

const page = (title: string, rules: readonly Rule[]): string =>
  `${NOTE}\n# ${title}\n\n${rules.map(section).join('\n')}`;

const section = (rule: Rule): string => `<a id="${rule.id}"></a>
## ${rule.title}

\`${rule.id}\`, ${rule.severity}

**Found where:** ${rule.condition}

**What happens:** ${rule.effect}

**What to do:** ${rule.remedy}

${example('Bad', rule.bad)}
${example('Good', rule.good)}`;

function example(kind: string, { before, sql, fails }: Example): string {
  const refused = fails === undefined ? '' : `, refused by Postgres (${fails})`;
  const after =
    before === undefined ? '' : `, after\n\n\`\`\`sql\n${onLines(before)}\n\`\`\`\n\nthe migration`;
  return `${kind}${refused}${after}:\n\n\`\`\`sql\n${sql}\n\`\`\`\n`;
}

const onLines = (sql: string): string => sql.replaceAll('; ', ';\n');

const cell = (text: string): string => text.replaceAll('|', '\\|');
