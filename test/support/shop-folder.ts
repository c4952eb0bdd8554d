/** For tests of the commands that Prisma has too: a folder of the shop's project, a fresh database, and what is printed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrismaCommand } from '../../cli/prisma-commands/context';
import type { Database } from '../../lambda/ports/database';
import type { TestCluster } from './cluster';
import { newSchemaEngine, SHOP_MIGRATIONS, SHOP_SCHEMA } from './prisma-engine';

export class ShopFolder {
  readonly root: string;
  readonly database: Database;
  readonly #printed: string[] = [];

  private constructor(root: string, database: Database) {
    this.root = root;
    this.database = database;
  }

  static async create(cluster: TestCluster): Promise<ShopFolder> {
    const root = await mkdtemp(join(tmpdir(), 'godwit-commands-'));
    const folder = new ShopFolder(root, await cluster.freshDatabase());
    await folder.writeSchema(SHOP_SCHEMA);
    await folder.writeMigrations(SHOP_MIGRATIONS);
    return folder;
  }

  writeSchema(schema: string): Promise<void> {
    return writeFile(join(this.root, 'schema.prisma'), schema);
  }

  /** Instead of those that are there. */
  async writeMigrations(migrations: Readonly<Record<string, string>>): Promise<void> {
    await this.removeMigrations();
    await mkdir(join(this.root, 'migrations'));
    await writeFile(join(this.root, 'migrations/migration_lock.toml'), 'provider = "postgresql"\n');
    for (const [name, sql] of Object.entries(migrations)) await this.writeMigration(name, sql);
  }

  removeMigrations(): Promise<void> {
    return rm(join(this.root, 'migrations'), { recursive: true, force: true });
  }

  async writeMigration(name: string, sql: string): Promise<void> {
    await mkdir(join(this.root, 'migrations', name), { recursive: true });
    await writeFile(join(this.root, 'migrations', name, 'migration.sql'), sql);
  }

  command(): PrismaCommand {
    return {
      database: this.database,
      engine: newSchemaEngine(),
      prismaDir: this.root,
      print: (text) => this.#printed.push(text),
    };
  }

  output(): string {
    return this.#printed.join('\n');
  }

  dispose(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}
