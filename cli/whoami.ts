/** Names the person at this terminal, for journals. */
import { userInfo } from 'node:os';

/** Accounts without an entry in the password file exist, in containers above all. */
export function whoami(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
