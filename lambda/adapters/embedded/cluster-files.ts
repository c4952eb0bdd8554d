/** Where everything of an embedded cluster lies, and what is remembered about it between processes. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterFactsDamaged, FolderNotOurs } from './errors';
import { isThere, readIfThere, readJsonIfThere, writeJson } from './files';

/**
 * WAL after a cut-over is a history of its own: it lies in an archive of its own, so that timelines which two
 * recoveries numbered alike never meet.
 */
export interface Lineage {
  readonly number: number;
  /** ISO 8601. */
  readonly since: string;
}

export interface CutOverRecord {
  readonly instance: string;
  readonly keepAs: string;
  readonly at: string;
}

/** `cluster.json`, readable by its owner only: it holds the password. */
export interface ClusterFacts {
  readonly what: 'godwit-embedded-cluster';
  readonly id: string;
  /** Holds the large folders; another place than the data directory where the server's user cannot enter that. */
  readonly home: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly initialized: boolean;
  readonly lineages: readonly Lineage[];
  readonly cutOvers: readonly CutOverRecord[];
}

export interface Home {
  readonly folder: string;
  readonly pgData: string;
  readonly archives: string;
  readonly baseBackups: string;
  readonly restorePoints: string;
  readonly instances: string;
  /** Clusters that a cut-over replaced. */
  readonly kept: string;
  readonly log: string;
  readonly marker: string;
}

export const homeAt = (folder: string): Home => ({
  folder,
  pgData: join(folder, 'cluster'),
  archives: join(folder, 'archive'),
  baseBackups: join(folder, 'basebackups'),
  restorePoints: join(folder, 'restorepoints'),
  instances: join(folder, 'instances'),
  kept: join(folder, 'kept'),
  log: join(folder, 'postgres.log'),
  marker: join(folder, 'godwit-home'),
});

export const archiveOf = (home: Home, lineage: number): string => join(home.archives, String(lineage));

export const currentLineage = (facts: ClusterFacts): Lineage =>
  facts.lineages.at(-1) ?? { number: 1, since: new Date(0).toISOString() };

export const factsFile = (dataDir: string): string => join(dataDir, 'cluster.json');
export const lockFile = (dataDir: string): string => join(dataDir, 'cluster.lock');
export const fenceFile = (dataDir: string): string => join(dataDir, 'fence.json');
export const cutOverFile = (dataDir: string): string => join(dataDir, 'cut-over.json');

/** What is deleted with the cluster; everything else in the data directory belongs to others. */
export const filesBesideHome = (dataDir: string): readonly string[] => [
  fenceFile(dataDir),
  cutOverFile(dataDir),
  factsFile(dataDir),
];

/** @throws FolderNotOurs | ClusterFactsDamaged */
export async function readFacts(dataDir: string): Promise<ClusterFacts | undefined> {
  let facts: ClusterFacts | undefined;
  try {
    facts = await readJsonIfThere<ClusterFacts>(factsFile(dataDir));
  } catch (error) {
    if (error instanceof SyntaxError) throw new ClusterFactsDamaged(factsFile(dataDir), error);
    throw error;
  }
  if (facts === undefined) {
    if (await isThere(homeAt(dataDir).pgData)) {
      throw new FolderNotOurs(homeAt(dataDir).pgData, 'there is no cluster.json beside it');
    }
    return undefined;
  }
  if (facts.what !== 'godwit-embedded-cluster') {
    throw new FolderNotOurs(dataDir, 'its cluster.json describes something else');
  }
  return facts;
}

export const saveFacts = (dataDir: string, facts: ClusterFacts): Promise<void> =>
  writeJson(factsFile(dataDir), facts);

export const freshFacts = (home: string, database: string, port: number): ClusterFacts => ({
  what: 'godwit-embedded-cluster',
  id: randomUUID(),
  home,
  port,
  user: 'godwit',
  password: randomBytes(18).toString('base64url'),
  database,
  initialized: false,
  lineages: [{ number: 1, since: new Date().toISOString() }],
  cutOvers: [],
});

/** A home may lie outside of the data directory; its marker says whose it is. */
export async function isHomeOf(home: Home, facts: ClusterFacts): Promise<boolean> {
  return (await readIfThere(home.marker))?.trim() === facts.id;
}

export async function majorVersionIn(pgData: string): Promise<string | undefined> {
  return (await readIfThere(join(pgData, 'PG_VERSION')))?.trim();
}

export const entriesOf = async (folder: string): Promise<readonly string[]> =>
  (await isThere(folder)) ? (await readdir(folder)).sort() : [];
