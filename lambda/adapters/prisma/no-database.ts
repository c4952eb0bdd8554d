/** Stands in for a server where the engine only compares schemas: it insists on one, and asks for its version alone. */
import { ColumnTypeEnum, type SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import { ADAPTER, type ConnectionFactory } from './driver-adapters';

const unavailable = (): Promise<never> => Promise.reject(new Error('this comparison has no database'));

/** `SELECT EXISTS(… pg_namespace …), version(), current_setting('server_version_num')::integer` */
const GREETING: Awaited<ReturnType<SqlDriverAdapter['queryRaw']>> = {
  columnNames: ['exists', 'version', 'numeric_version'],
  columnTypes: [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Int32],
  rows: [[true, 'PostgreSQL 18.0', 180000]],
};

const adapter: SqlDriverAdapter = {
  ...ADAPTER,
  queryRaw: (query) => (query.sql.includes('server_version_num') ? Promise.resolve(GREETING) : unavailable()),
  executeRaw: unavailable,
  executeScript: unavailable,
  startTransaction: unavailable,
  getConnectionInfo: () => ({ supportsRelationJoins: true }),
  dispose: async () => {},
};

export const NO_DATABASE: ConnectionFactory = {
  ...ADAPTER,
  connect: () => Promise.resolve(adapter),
  connectToShadowDb: unavailable,
  close: async () => {},
};
