/**
 * Makes the migration strategy's commands work as they are written: `npm run prisma:migrate:dev --name init`, without
 * the `--` that npm wants before a script's own options.
 *
 * Without it npm takes the options for its own and hands them over as environment variables. The value of an option
 * that npm does not know stays behind as an argument: `--rolled-back 2025…` arrives as npm_config_rolled_back=true and
 * the argument `2025…`; so does `--name init` with npm 10, where npm 11 makes npm_config_name=init of it.
 *
 * npm does not tell an option on the command line from one in an `.npmrc` or the environment: whoever sets `name` or
 * `applied` there sets it for these commands, too. No other script is concerned.
 */
import { UsageError } from '../../lambda/domain/errors';

export type Environment = Readonly<Record<string, string | undefined>>;

const SCRIPTS = 'prisma:migrate:';

interface NpmOption {
  readonly name: string;
  readonly takesValue: boolean;
  readonly short?: string;
}

const EVERYWHERE: readonly NpmOption[] = [
  { name: 'prisma', takesValue: true },
  { name: 'database-url', takesValue: true },
  { name: 'data-dir', takesValue: true },
  { name: 'json', takesValue: false },
];

const BY_COMMAND: Readonly<Record<string, readonly NpmOption[]>> = {
  dev: [
    { name: 'name', takesValue: true, short: '-n' },
    { name: 'create-only', takesValue: false },
  ],
  resolve: [
    { name: 'applied', takesValue: true },
    { name: 'rolled-back', takesValue: true },
  ],
  deploy: [
    { name: 'phase', takesValue: true },
    { name: 'until', takesValue: true },
    { name: 'max-blocking', takesValue: true },
    { name: 'terminate-idle', takesValue: true },
  ],
};

/**
 * @param argv the command's name and what follows it
 * @returns the arguments as they were meant; what was given after `--` wins
 * @throws UsageError where npm left more than one option without its value
 */
export function npmArguments(argv: readonly string[], env: Environment): readonly string[] {
  const [command, ...args] = argv;
  if (command === undefined || !env.npm_lifecycle_event?.startsWith(SCRIPTS)) return argv;
  const taken = [...EVERYWHERE, ...(BY_COMMAND[command] ?? [])]
    .map((option) => ({ ...option, flag: `--${option.name}`, value: env[variableOf(option)] }))
    .filter((option) => option.value !== undefined && !isGiven(args, option));
  const complete = taken.flatMap((option) => {
    if (!option.takesValue) return option.value === TRUE ? [option.flag] : [];
    return option.value === TRUE ? [] : [option.flag, option.value ?? ''];
  });
  const bereft = taken.filter(({ takesValue, value }) => takesValue && value === TRUE);
  return [
    command,
    ...complete,
    ...withValues(
      bereft.map(({ flag }) => flag),
      args,
    ),
  ];
}

const TRUE = 'true';

const variableOf = ({ name }: NpmOption): string => `npm_config_${name.replaceAll('-', '_')}`;

const isGiven = (args: readonly string[], { name, short }: NpmOption): boolean =>
  args.some(
    (arg) => arg === `--${name}` || arg.startsWith(`--${name}=`) || (short !== undefined && arg === short),
  );

/** Puts an option back in front of the argument that was its value. */
function withValues([flag, ...others]: readonly string[], args: readonly string[]): readonly string[] {
  if (flag === undefined) return args;
  if (others.length > 0) {
    throw new UsageError(
      `npm kept ${[flag, ...others].join(' and ')} to itself. Put two dashes before the options: npm run <script> -- ${flag} <value>`,
    );
  }
  const index = args.findIndex((arg) => !arg.startsWith('-'));
  // Without any argument the value was forgotten: the command says so when it finds the option alone.
  return index < 0 ? [...args, flag] : [...args.slice(0, index), flag, ...args.slice(index)];
}
