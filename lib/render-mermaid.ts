/**
 * Draws the workflow from its definition, as people think of it: choices become labelled arrows, begin and inspect one
 * box, waiting a sign in the box, and the arrows that a crash takes are dotted.
 */
import { STEP_NAMES } from '../lambda/domain/step';
import type { ChoiceRule, StateDefinition, WorkflowDefinition } from './render-workflow';

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly style: 'happy' | 'branch' | 'otherwise' | 'crash';
  readonly label: string;
}

const LINE: Readonly<Record<Arrow['style'], string>> = {
  happy: '==>',
  branch: '-->',
  otherwise: '-.->',
  crash: '-.->',
};

export function renderMermaid(definition: WorkflowDefinition): string {
  const picture = new Picture(definition);
  return ['flowchart TD', ...picture.boxes(), ...picture.arrows(), ''].join('\n');
}

class Picture {
  private readonly states: Readonly<Record<string, StateDefinition>>;
  /** Leading task of each box: a task that shares its choice with an earlier one is drawn in that one's box. */
  private readonly boxOf = new Map<string, string>();

  constructor(definition: WorkflowDefinition) {
    this.states = definition.States;
    const leaderOf = new Map<string, string>();
    for (const [name, state] of this.ofType('Task')) {
      const next = state.Next ?? '';
      const leader = this.isDissolved(next) ? (leaderOf.get(next) ?? name) : name;
      leaderOf.set(next, leader);
      this.boxOf.set(name, leader);
    }
  }

  boxes(): readonly string[] {
    const tasks = [...new Set(this.boxOf.values())].map((box) => `  ${box}["${this.labelOf(box)}"]`);
    const choices = this.ofType('Choice')
      .filter(([name]) => !this.isDissolved(name))
      .map(([name]) => `  ${name}{${wordsOf(name)}}`);
    const ends = [...this.ofType('Succeed'), ...this.ofType('Fail')].map(
      ([name]) => `  ${name}([${wordsOf(name)}])`,
    );
    return [...tasks, ...choices, ...ends];
  }

  /** One arrow a pair and line; a crash that goes where another arrow goes anyway is not drawn twice. */
  arrows(): readonly string[] {
    const merged = new Map<string, { readonly arrow: Arrow; readonly labels: Set<string> }>();
    const pairs = new Set<string>();
    for (const arrow of this.allArrows()) {
      const pair = `${arrow.from} ${arrow.to}`;
      if (arrow.from === arrow.to || (arrow.style === 'crash' && pairs.has(pair))) continue;
      pairs.add(pair);
      const key = `${pair} ${LINE[arrow.style]}`;
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { arrow, labels: new Set([arrow.label]) });
      else known.labels.add(arrow.label);
    }
    return [...merged.values()].map(({ arrow: { from, to, style }, labels }) => {
      const label = [...labels].join(', ');
      return `  ${from} ${LINE[style]}${label === '' ? '' : `|${label}|`} ${to}`;
    });
  }

  private *allArrows(): Generator<Arrow> {
    for (const [name, state] of this.ofType('Task')) {
      const from = this.boxOf.get(name) ?? name;
      yield* this.from(from, state.Next ?? '');
      for (const catcher of state.Catch ?? []) {
        yield { from, to: this.boxOf.get(catcher.Next) ?? catcher.Next, style: 'crash', label: 'crash' };
      }
    }
    for (const [name] of this.ofType('Choice')) {
      if (!this.isDissolved(name)) yield* this.ofChoice(name, name);
    }
  }

  private *from(from: string, next: string): Generator<Arrow> {
    if (this.isDissolved(next)) yield* this.ofChoice(from, next);
    else yield { from, to: this.boxOf.get(next) ?? next, style: 'happy', label: '' };
  }

  private *ofChoice(from: string, choice: string): Generator<Arrow> {
    const state = this.states[choice];
    for (const rule of state?.Choices ?? []) {
      const label = conditionOf(rule);
      const to = this.beyondWait(rule.Next ?? '');
      yield { from, to, style: label === 'passed' ? 'happy' : 'branch', label };
    }
    if (state?.Default !== undefined) {
      yield { from, to: this.beyondWait(state.Default), style: 'otherwise', label: 'else' };
    }
  }

  /** Choices named after a task only read its answer; their conditions become the labels of its arrows. */
  private readonly isDissolved = (name: string): boolean => name.startsWith('After');

  private beyondWait(name: string): string {
    const state = this.states[name];
    const target = state?.Type === 'Wait' ? (state.Next ?? name) : name;
    return this.boxOf.get(target) ?? target;
  }

  private labelOf(box: string): string {
    const names = [...this.boxOf].filter(([, leader]) => leader === box).map(([name]) => wordsOf(name));
    const label = names.join(' ⇄ ');
    const choice = this.states[this.states[box]?.Next ?? ''];
    const waits =
      names.length === 1 && (choice?.Choices ?? []).some((rule) => this.beyondWait(rule.Next ?? '') === box);
    if (this.states[box]?.Resource?.endsWith('.waitForTaskToken')) return `${label} ⏸`;
    return waits ? `${label} ⟲` : label;
  }

  private ofType(type: StateDefinition['Type']): readonly (readonly [string, StateDefinition])[] {
    const place = (name: string): number => (STEP_NAMES as readonly string[]).indexOf(name);
    return Object.entries(this.states)
      .filter(([, state]) => state.Type === type)
      .sort(([left], [right]) => place(left) - place(right));
  }
}

const wordsOf = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');

function conditionOf(rule: ChoiceRule): string {
  if (rule.And !== undefined) return rule.And.map(conditionOf).filter(Boolean).join(' and ');
  if (rule.Or !== undefined) return rule.Or.map(conditionOf).join(', ');
  if (rule.Not !== undefined) return 'undecided';
  if (rule.BooleanEquals !== undefined) return `${rule.Variable?.split('.').at(-1)}: ${rule.BooleanEquals}`;
  return rule.StringEquals ?? '';
}
