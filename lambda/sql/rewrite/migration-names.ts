/** Names the migrations into which one is parted, so that they run right behind it. */
import type { Stage } from './draft';

const SUFFIX: Readonly<Record<Stage, string>> = { expand: '', switch: '_switch', contract: '_contract' };

export function namesFor(name: string, files: readonly { readonly stage: Stage }[]): readonly string[] {
  const cut = name.indexOf('_');
  const [timestamp, title] = [name.slice(0, cut), name.slice(cut + 1)];
  return files.map(({ stage }, index) => {
    if (index === 0) return name;
    const number = files.slice(0, index).filter((file) => file.stage === stage).length + 1;
    const suffix = `${SUFFIX[stage]}${number === 1 ? '' : `_${number}`}`;
    return `${later(timestamp, index)}_${title}${suffix}`;
  });
}

/** A second each; what is no time of the calendar is counted on as a number. */
function later(timestamp: string, seconds: number): string {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(timestamp)?.map(Number) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  if (year === undefined || month === undefined) {
    return String(Number(timestamp) + seconds).padStart(timestamp.length, '0');
  }
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, (second ?? 0) + seconds));
  return time.toISOString().replace(/\D/g, '').slice(0, timestamp.length);
}
