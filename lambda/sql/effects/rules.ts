/** What the tables of effects are made of: a rule for each kind of statement. */

import type { Node } from '../parse';
import type { EffectsCollector } from './collector';

export type Rule = (node: Node, effects: EffectsCollector) => void;

export type Rules = Readonly<Record<string, Rule>>;

type KindOf<Union> = Union extends Union ? keyof Union : never;

export type Kind = KindOf<Node>;

type Content<K extends Kind> = Extract<Node, Readonly<Record<K, unknown>>>[K];

/** The rule for one kind, which gets to see what is in its node. */
export function rule<K extends Kind>(
  kind: K,
  apply: (content: Content<K>, effects: EffectsCollector) => void,
): Rules {
  return {
    [kind]: (node, effects) => {
      if (kind in node) apply((node as unknown as Readonly<Record<K, Content<K>>>)[kind], effects);
    },
  };
}

/** Of statements that touch no relation of the application. */
export function rules(
  kinds: readonly Kind[],
  apply: (effects: EffectsCollector, content: { readonly missing_ok?: boolean }) => void,
): Rules {
  return Object.fromEntries(
    kinds.map((kind): [string, Rule] => [
      kind,
      (node, effects) => apply(effects, Object.values(node)[0] as { readonly missing_ok?: boolean }),
    ]),
  );
}
