/** How our servers are configured: comfort in a file that they read, everything that correctness rests upon as arguments. */
import { join } from 'node:path';

export interface Durability {
  /** Off only where a test is not about surviving crashes of the operating system. */
  readonly fsync: boolean;
}

/** `ALTER SYSTEM` overrides these. */
export const comfortSettings = ({ fsync }: Durability): string =>
  settingLines({
    max_connections: '100',
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    min_wal_size: '80MB',
    // Logical decoding lets writes be carried over to a restored instance; its cost is lost in the noise.
    wal_level: 'logical',
    // A slot that nobody reads any more would keep WAL until the disk is full.
    max_slot_wal_keep_size: '4GB',
    track_commit_timestamp: 'on',
    // As on RDS: what a quiet hour commits is in the archive within the targeted RPO.
    archive_timeout: '300s',
    fsync: fsync ? 'on' : 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%a ',
    log_lock_waits: 'on',
    // A deadlock blocks everybody until it is detected, and only waits longer than this are logged: a second, the
    // default, is ten times what a migration may block. The detector itself costs next to nothing at this size.
    deadlock_timeout: '200ms',
    log_checkpoints: 'off',
  });

/** `ALTER SYSTEM` does not reach these. */
export function addressSettings(port: number): Settings {
  return {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // TCP only: socket paths are limited to 107 bytes and /tmp is everybody's.
    unix_socket_directories: '',
    logging_collector: 'off',
    ssl: 'off',
  };
}

export type Settings = Readonly<Record<string, string>>;

/** `basic_archive` needs no shell, and renames a whole segment into place: what is in the folder is archived. */
export const archivingTo = (folder: string): Settings => ({
  archive_mode: 'on',
  archive_library: 'basic_archive',
  archive_command: '',
  'basic_archive.archive_directory': folder,
});

export interface RecoveryGoal {
  readonly archive: string;
  readonly target: { readonly name: string } | { readonly time: string } | { readonly lsn: string };
}

/**
 * A clone never writes into the archive it is made from: its segments are named like the original's.
 * Recovery stops at the target of the base backup's own timeline and goes on from there as a timeline of its own.
 */
export const recoveringTo = ({ archive, target }: RecoveryGoal): Settings => ({
  archive_mode: 'off',
  hot_standby: 'off',
  restore_command: restoreCommand(archive),
  recovery_target_timeline: 'current',
  recovery_target_action: 'promote',
  ...targetSettings(target),
});

function targetSettings(target: RecoveryGoal['target']): Settings {
  if ('name' in target) return { recovery_target_name: target.name };
  if ('time' in target) return { recovery_target_time: target.time };
  // What a session is told as the current LSN is the end of the last record: the one that begins there came later.
  return { recovery_target_lsn: target.lsn, recovery_target_inclusive: 'off' };
}

/**
 * `%` begins a placeholder in the setting, and the rest goes through the shell. Recovery always asks for some files that
 * nobody has: not a word about those.
 */
export function restoreCommand(archive: string): string {
  const source = shellQuoted(join(archive, '%f').replaceAll('%', '%%').replace(/%%f$/, '%f'));
  return `test -f ${source} && cp ${source} "%p"`;
}

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const asArguments = (settings: Settings): readonly string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

const settingLines = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
