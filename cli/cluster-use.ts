/** Who uses the embedded cluster: the last to leave stops it, unless somebody said that it shall stay up. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, isThisProcess, type ProcessMark, thisProcess } from '../lambda/adapters/embedded/processes';
import { GodwitError } from '../lambda/domain/errors';

interface UseMark extends ProcessMark {
  readonly command: string;
}

/** Somebody else works on the cluster that is to be stopped, deleted or replaced. */
export class ClusterInUse extends GodwitError {
  override readonly name = 'ClusterInUse';
  readonly kind = 'refused';

  constructor(dataDir: string, users: readonly UseMark[]) {
    const names = users.map(({ pid, command }) => `godwit ${command} (process ${pid})`);
    super(
      `The cluster in ${dataDir} is in use by ${names.join(' and ')}. Wait for its end, or stop it first.`,
    );
  }
}

export class ClusterUse {
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Before the cluster is started, so that nobody stops it in between. */
  async enter(command: string): Promise<void> {
    // As root the server runs as another user, who has to pass through the data directory.
    await mkdir(this.#dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o755 : 0o700 });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const mark: UseMark = { ...thisProcess(), command };
    await writeFile(join(this.#folder, `${process.pid}.json`), JSON.stringify(mark), { mode: 0o600 });
  }

  async leave(): Promise<void> {
    await rm(join(this.#folder, `${process.pid}.json`), { force: true });
  }

  async keepUp(): Promise<void> {
    await writeFile(this.#kept, '', { mode: 0o600 });
  }

  async letGo(): Promise<void> {
    await rm(this.#kept, { force: true });
  }

  /** Whether the server has to go on when this process has left. */
  async isNeeded(): Promise<boolean> {
    const isKept = await readFile(this.#kept).then(
      () => true,
      () => false,
    );
    return isKept || (await this.#others()).length > 0;
  }

  /** @throws ClusterInUse */
  async refuseToDisturb(): Promise<void> {
    const others = await this.#others();
    if (others.length > 0) throw new ClusterInUse(this.#dataDir, others);
  }

  async #others(): Promise<readonly UseMark[]> {
    const files = await readdir(this.#folder).catch(() => []);
    const marks = await Promise.all(files.map((file) => this.#read(join(this.#folder, file))));
    return marks.flatMap((mark) => (mark && !isThisProcess(mark) && isAlive(mark) ? [mark] : []));
  }

  /** A mark that is being written or removed right now is none. */
  async #read(file: string): Promise<UseMark | undefined> {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as UseMark;
    } catch {
      return undefined;
    }
  }

  get #folder(): string {
    return join(this.#dataDir, 'users');
  }

  get #kept(): string {
    return join(this.#dataDir, 'kept-up');
  }
}
