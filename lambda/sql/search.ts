/** Looks for things in a parse tree wherever they stand in it. */

/** Whether any string in the tree contains the text: constants, names, and bodies of functions and DO blocks. */
export function mentions(tree: unknown, text: string): boolean {
  if (typeof tree === 'string') return tree.includes(text);
  if (Array.isArray(tree)) return tree.some((branch) => mentions(branch, text));
  if (typeof tree !== 'object' || tree === null) return false;
  return Object.values(tree).some((branch) => mentions(branch, text));
}
