/** Puts rewritten statements into as few migrations as their stages and transactions allow. */
import { planOf } from '../facts';
import { parseScript } from '../parse';
import { type Bond, STAGES, type Stage } from './draft';

/** Statements that stay next to each other. */
export interface Piece {
  readonly stage: Stage;
  readonly bond: Bond;
  /** As it stands in the file, with what is above it, without the last semicolon. */
  readonly text: string;
}

export interface File {
  readonly stage: Stage;
  readonly sql: string;
}

const APART =
  '-- godwit:stepwise because the lock of each statement must be released before the next one is asked for\n';

export async function filesOf(pieces: readonly Piece[], tail: string): Promise<readonly File[]> {
  const drafts = STAGES.flatMap((stage) => parted(pieces.filter((piece) => piece.stage === stage)));
  const files: File[] = [];
  for (const [index, { pieces: own, bond }] of drafts.entries()) {
    const [first] = own;
    if (first === undefined) continue;
    const body = `${own.map(({ text }) => `${text};`).join('')}${index === 0 ? tail : ''}`;
    const sql = `${body.trim()}\n`;
    files.push({ stage: first.stage, sql: bond === 'apart' ? await stepwise(sql) : sql });
  }
  return files;
}

interface Draft {
  readonly bond: Bond;
  readonly pieces: readonly Piece[];
}

/** In order; a new file begins where the next statements need what the ones before cannot have. */
function parted(pieces: readonly Piece[]): readonly Draft[] {
  const drafts: Draft[] = [];
  for (const piece of pieces) {
    const last = drafts.at(-1);
    const isOpen =
      last !== undefined && (last.bond === 'either' || piece.bond === 'either' || last.bond === piece.bond);
    if (!isOpen) drafts.push({ bond: piece.bond, pieces: [piece] });
    else {
      const bond = last.bond === 'either' ? piece.bond : last.bond;
      drafts[drafts.length - 1] = { bond, pieces: [...last.pieces, piece] };
    }
  }
  return drafts;
}

async function stepwise(sql: string): Promise<string> {
  const script = await parseScript(sql);
  const saysSo = script.directives.some(({ name }) => name === 'stepwise');
  const isOne = script.statements.length === 1 && planOf(script).mode === 'stepwise';
  return saysSo || isOne ? sql : `${APART}${sql}`;
}
