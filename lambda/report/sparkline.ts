/** A course of values as one line of text or as a drawing. */
import { type Html, html } from './html';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const MOST_COLUMNS = 40;

/** `course`: from 0 to 1; undefined leaves a gap. */
export function sparkText(course: readonly (number | undefined)[]): string {
  const width = Math.ceil(course.length / MOST_COLUMNS);
  const columns = Array.from({ length: Math.ceil(course.length / Math.max(1, width)) }, (_, column) =>
    highest(course.slice(column * width, (column + 1) * width)),
  );
  return columns.map((value) => (value === undefined ? '·' : blockFor(value))).join('');
}

function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

const blockFor = (value: number): string =>
  BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(value * BLOCKS.length))] ?? BLOCKS[0];

const WIDTH = 120;
const HEIGHT = 20;

/** SVG attributes, since the page's policy refuses style attributes. */
export function sparkDrawing(label: string, course: readonly (number | undefined)[]): Html {
  const step = WIDTH / Math.max(1, course.length - 1);
  let isDrawing = false;
  const path = course.flatMap((value, index) => {
    const command = isDrawing ? 'L' : 'M';
    isDrawing = value !== undefined;
    if (value === undefined) return [];
    const point = `${tenths(index * step)} ${tenths(HEIGHT - 1 - value * (HEIGHT - 2))}`;
    // A line of no length with round ends is a dot: a lone value is seen, too.
    return [`${command}${point}${command === 'M' ? `L${point}` : ''}`];
  });
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}"><path d="${path.join('')}"/></svg>`;
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
