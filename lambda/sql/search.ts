/** Looks for things in a parse tree wherever they stand in it. */

/** Whether any string in the tree contains the text: constants, names, and bodies of functions and DO blocks. */
export function mentions(tree: unknown, text: string): boolean {
  if (typeof tree === 'string') return tree.includes(text);
  if (Array.isArray(tree)) return tree.some((branch) => mentions(branch, text));
  if (typeof tree !== 'object' || tree === null) return false;
  return Object.values(tree).some((branch) => mentions(branch, text));
}

/** A node of a parse tree, or a part of one. */
export type Tree = Readonly<Record<string, unknown>>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const children = (tree: Tree): readonly unknown[] => Object.values(tree);

/** Whether any object in the tree, the tree itself included, satisfies the test. */
export function some(tree: unknown, test: (branch: object) => boolean): boolean {
  if (Array.isArray(tree)) return tree.some((branch) => some(branch, test));
  if (typeof tree !== 'object' || tree === null) return false;
  return test(tree) || Object.values(tree).some((branch) => some(branch, test));
}

/** Whether two trees say the same, wherever in a text they stand. */
export function sameTree(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((branch, index) => sameTree(branch, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.every((name) => isPosition(name) || sameTree(one[name], other[name]));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The parser's names for positions in the text; -1, the position of what is not in it, is written, too. */
const isPosition = (name: string): boolean =>
  name === 'location' ||
  name.endsWith('_location') ||
  name.endsWith('list_start') ||
  name.endsWith('list_end');
