/** BEGIN and COMMIT are left out: whether statements share a transaction is the executor's to decide. */
import type { Answer, Rewriter } from './draft';

export const transactionControl: Rewriter = ({ statement: { node } }): Answer => {
  if (!('TransactionStmt' in node)) return undefined;
  const { kind } = node.TransactionStmt;
  if (kind !== 'TRANS_STMT_BEGIN' && kind !== 'TRANS_STMT_START' && kind !== 'TRANS_STMT_COMMIT') {
    return { refused: 'what a migration rolls back it should not do: write only what is to be kept' };
  }
  return {
    groups: [],
    rule: 'transaction-control',
    reason:
      'Godwit puts the file into one transaction wherever its statements allow that, and takes it back as a whole',
  };
};
