import { downDraft } from '../../cli/prisma-commands/down-draft';
import { parseScript } from '../../lambda/sql/parse';

const draft = (sql: string, downSql: string): Promise<string> => downDraft({ name: '1_x', sql, downSql });

describe('a drafted down script', () => {
  it('opens with what it loses, what it does not bring back, and what fails on rows', async () => {
    const down = await draft(
      'ALTER TABLE "Account" DROP COLUMN "code", DROP COLUMN "note", ADD COLUMN "label" TEXT',
      'ALTER TABLE "Account" ADD COLUMN "code" TEXT NOT NULL, ADD COLUMN "note" TEXT, DROP COLUMN "label"',
    );
    expect(down.split('\n')).toEqual([
      expect.stringContaining('-- A draft'),
      expect.stringContaining('-- the rehearsal'),
      '--',
      '-- It loses what is written after the migration to:',
      '--   "Account"."label"',
      '--',
      '-- It does not bring back what the migration takes away:',
      '--   "Account"."code"',
      '--   "Account"."note"',
      '--',
      '-- It fails where the table holds rows, unless it gives them their values first:',
      '--   "Account"."code"',
      '',
      'ALTER TABLE "Account" ADD COLUMN "code" TEXT NOT NULL, ADD COLUMN "note" TEXT, DROP COLUMN "label"',
    ]);
  });

  it('says nothing of the kind where nothing is lost, and none fails that has a default', async () => {
    const down = await draft(
      'DROP INDEX x',
      'CREATE INDEX x ON t (a); ALTER TABLE t ADD b int NOT NULL DEFAULT 1, ADD c serial NOT NULL',
    );
    expect(down.split('\n').filter((line) => line.startsWith('--'))).toHaveLength(2);
  });

  it('is not escaped from by a name with a line break', async () => {
    const down = await draft('SELECT 1', 'ALTER TABLE t DROP COLUMN "a\nDROP TABLE t;\r--\u2028"');
    expect((await parseScript(down)).statements.map(({ kind }) => kind)).toEqual(['AlterTableStmt']);
  });
});
