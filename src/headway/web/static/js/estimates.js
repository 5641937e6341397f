// Numbers with their intervals, one below the other.
import { Chart } from "./charts.js";
import { makeTable } from "./tables.js";
import { MISSING, say } from "./wording.js";

const between = ({ low, high }, how) => (low === null ? "no interval" : `${say(low, how)} to ${say(high, how)}`);

/** @typedef {{label: string, value: number | null, low: number | null, high: number | null}} Estimate */

/**
 * A chart of estimates; the chart, or null where there is none.
 * @param {HTMLElement} root @param {Estimate[]} estimates @param {{title: string, how: string}} options
 */
export function drawEstimates(root, estimates, { title, how }) {
  const known = estimates.filter(({ value }) => value !== null);
  if (!known.length) return null;
  const names = known.map(({ label }) => label).reverse();
  const chart = new Chart(root, { title, sync: title, x: how, rows: names });
  const rowOf = (at) => known.length - at;
  chart.showDots(known.map(({ value }, at) => ({ x: value, y: rowOf(at), shape: "point", hue: `var(--chart-${(at % 8) + 1})` })));
  chart.show(
    known.map((each, at) => {
      const steps = each.low === null ? [each.value] : [...new Set([each.low, each.value, each.high])].sort((a, b) => a - b);
      const text = `${say(each.value, how)} (${between(each, how)})`;
      return { label: each.label, steps, values: steps.map(() => rowOf(at)), bare: true, text };
    }),
    [{ step: 0, label: "" }],
  );
  chart.set({ range: reach(known) });
  return chart;
}

/** The same as a table. */
export function tabulateEstimates(estimates, { title, how }) {
  return makeTable(title, ["", "Value", "95 % interval"], estimates.map((each) => [
    each.label, say(each.value, how), each.low === null ? MISSING : between(each, how),
  ]));
}

/** From the lowest to the highest, 0 within, with room at both ends. */
function reach(estimates) {
  const seen = estimates.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value, 0]);
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  const room = (most - least || 1) * 0.05;
  return { min: least - room, max: most + room };
}
