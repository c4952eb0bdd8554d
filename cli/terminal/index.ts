/** What the commands use of the terminal. */
export type { CommandResult } from './closing';
export type { Line, Piece, Style } from './look';
export { chooseMode, type TerminalChoice, type TerminalMode } from './mode';
export type { Output } from './outlet';
export type { Level } from './plain';
export { createTerminal, type Terminal, type TerminalOptions } from './terminal';
export type { ApplicationView } from './view';
