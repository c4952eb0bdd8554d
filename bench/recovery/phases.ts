/** Where the time of a restore goes, as the restored server's own log has it. */

/** Of the wall clock, in ms. */
export interface RestoreTimes {
  readonly begun: number;
  /** The first query was answered. */
  readonly served: number;
}

/** They follow each other without a gap: their sum is the whole. */
export interface Phases {
  /** Until the server is started. */
  readonly copyMs: number;
  /** The server syncs its files to disk and reads the first of the archived WAL. */
  readonly settleMs: number;
  readonly replayMs: number;
  /** A timeline of its own, and a checkpoint. */
  readonly promoteMs: number;
  /** Until somebody who asks again and again is answered. */
  readonly answerMs: number;
}

const MARKS = {
  started: 'starting PostgreSQL',
  redoStarted: 'redo starts at',
  redoDone: 'redo done at',
  open: 'database system is ready to accept connections',
} as const;

export function phasesOf(log: string, { begun, served }: RestoreTimes): Phases {
  const at = (mark: keyof typeof MARKS): number => timeOf(log, MARKS[mark]);
  const [started, redoStarted, redoDone, open] = [
    at('started'),
    at('redoStarted'),
    at('redoDone'),
    at('open'),
  ];
  return {
    copyMs: started - begun,
    settleMs: redoStarted - started,
    replayMs: redoDone - redoStarted,
    promoteMs: open - redoDone,
    answerMs: served - open,
  };
}

/** As `log_line_prefix = '%m …'` and `log_timezone = 'UTC'` write it. */
const STAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3}) UTC /;

function timeOf(log: string, mark: string): number {
  const line = log.split('\n').find((text) => text.includes(`LOG:  ${mark}`)) ?? '';
  const [, date, time] = STAMP.exec(line) ?? [];
  if (date === undefined || time === undefined) throw new Error(`the restored server's log has no "${mark}"`);
  return Date.parse(`${date}T${time}Z`);
}
