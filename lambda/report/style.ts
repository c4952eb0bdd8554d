/** The report's look: light and dark, phone and paper. Every pair of colours has a contrast of at least 4.5 : 1. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --sheet: #ffffff; --ink: #1b2430; --soft: #55606e; --line: #d9dee5; --track: #e6eaf0; --mark: #2f6fb3;
  --good: #12693b; --good-ground: #e2f4e9; --bad: #a3211f; --bad-ground: #fbe7e6;
  --caution: #7a4b00; --caution-ground: #fdf0d5; --calm: #44505e; --calm-ground: #e9edf2;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #11161d; --sheet: #19202a; --ink: #e6eaf0; --soft: #a3aebb; --line: #323c49; --track: #2a3440; --mark: #6fa8e0;
    --good: #7ddba3; --good-ground: #16352a; --bad: #ff9d97; --bad-ground: #43201f;
    --caution: #f3c56b; --caution-ground: #3d2f12; --calm: #b6c0cc; --calm-ground: #27313d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
footer { padding-bottom: 2rem; color: var(--soft); font-size: .875rem; }
h1 { margin: .5rem 0 .25rem; font-size: 1.75rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.2rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
code { font: .875em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.lead { font-size: 1.05rem; }
.soft { color: var(--soft); }
.tag { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.status { font-size: .9375rem; padding: .2rem .8rem; }
.good { color: var(--good); background: var(--good-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.caution { color: var(--caution); background: var(--caution-ground); }
.calm { color: var(--calm); background: var(--calm-ground); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.figure { background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.figure dt { color: var(--soft); font-size: .875rem; }
.figure dd { margin: 0; }
.figure .value { font-size: 1.6rem; font-weight: 650; line-height: 1.3; background: none; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 1rem 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.next { background: var(--sheet); border: 1px solid var(--line); border-left: .3rem solid var(--mark); border-radius: .4rem; padding: .25rem 1.25rem; margin: 1.25rem 0; }
.next h2 { margin: .75rem 0 .25rem; }
.next ol { margin: .25rem 0 .75rem; padding-left: 1.25rem; }
table { width: 100%; border-collapse: collapse; background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem; font-size: .9375rem; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-size: .8125rem; font-weight: 600; overflow-wrap: normal; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th.number { width: 1%; color: var(--soft); font-weight: 400; }
td .unit { display: block; }
.bar { display: block; width: 100%; min-width: 8rem; height: .5rem; margin-top: .5rem; border-radius: .25rem; }
.bar .track { fill: var(--track); }
.bar .done { fill: var(--mark); }
.spark { display: block; width: 100%; min-width: 8rem; height: 1.5rem; overflow: visible; }
.spark path { fill: none; stroke: var(--mark); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  h1 { font-size: 1.35rem; }
  .figures { grid-template-columns: repeat(2, 1fr); }
  table, tbody, tr, tbody th, td { display: block; width: auto; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: .5rem 0; border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  tbody th, td { border: 0; padding: .15rem .9rem; text-align: left; }
  tbody th.number { width: auto; }
  td:empty { display: none; }
  td[data-title]::before { content: attr(data-title) ": "; color: var(--soft); font-size: .8125rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --sheet: #fff; --ink: #000; --soft: #333; --line: #999; }
  body { font-size: 10pt; }
  main, header, footer { max-width: none; padding: 0; }
  tr, .figure, .next { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
}
`;
