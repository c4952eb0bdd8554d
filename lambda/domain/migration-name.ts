/** Names of migrations: `<timestamp>_<name>`, applied in the order of their names. */

/** The ledger's column is varchar(255), and Prisma makes names no longer than this. */
const LONGEST = 254;
const TIMESTAMP_DIGITS = 14;
const LONGEST_DRAFT = 200;

/** Fewer digits are Prisma's own custom for a first migration that was baselined: `0_init`. */
const NAME = /^\d{1,14}_[\w.-]+$/;

/** What is wrong with a name, or `undefined`; a name that passes leads nowhere outside the migrations folder. */
export function migrationNameProblem(name: string): string | undefined {
  if (name.length > LONGEST) return `its name is longer than ${LONGEST} characters`;
  if (!NAME.test(name)) {
    return 'its name is not a timestamp, an underscore, and letters, digits, underscores, dots or hyphens';
  }
  return undefined;
}

const timestampOf = (name: string): string => name.split('_', 1)[0] ?? '';

/** Groups of names that have the same timestamp. */
export function sharedTimestamps(names: readonly string[]): readonly (readonly [string, ...string[]])[] {
  const groups = new Map<string, [string, ...string[]]>();
  for (const name of [...names].filter((each) => migrationNameProblem(each) === undefined).sort()) {
    const group = groups.get(timestampOf(name));
    if (group === undefined) groups.set(timestampOf(name), [name]);
    else group.push(name);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** A clock that is behind, or a second migration within the same second, must not break the order: it comes last. */
export function timeForNext(migrations: readonly { readonly name: string }[], now: Date): Date {
  const latest =
    migrations
      .map(({ name }) => timestampOf(name))
      .filter((timestamp) => timestamp.length === TIMESTAMP_DIGITS)
      .sort()
      .at(-1) ?? '';
  if (latest === '' || timestampAt(now) > latest) return now;
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(latest)?.map(Number) ?? [];
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second + 1));
}

const timestampAt = (at: Date): string => at.toISOString().replace(/\D/g, '').slice(0, TIMESTAMP_DIGITS);

/** The folder name of a new migration, as Prisma makes it: UTC to the second, and the name in small letters. */
export function draftName(name: string, at: Date): string {
  return `${timestampAt(at)}_${slug(name)}`;
}

/** Empty where the name holds neither letters nor digits. */
export function slug(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, LONGEST_DRAFT);
}
