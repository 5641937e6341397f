// The numbers of a run as charts: what was told so far, thinned; then each row as it comes; finer where one zooms in.
import { ask } from "./page.js";
import { Chart } from "./charts.js";
import { say, sayCount, wordingOf } from "./wording.js";

const POINTS = 1500; // of each series, at first
const LONG = 6000; // then it is fetched anew, thinned
const TABLE_EVERY_MS = 500;

/** Which chart a series belongs to: one a group, but losses, rates and other units stand alone. */
export function chartOf(name) {
  const cut = name.lastIndexOf("/");
  const [group, base] = cut < 0 ? ["other", name] : [name.slice(0, cut), name.slice(cut + 1)];
  if (base.endsWith("loss") && (group === "train" || group === "val")) return "Loss";
  if (base === "learning_rate") return "Learning rate";
  if (/(rmse|mae|mse)$/.test(base)) return `${group}: errors`;
  if (base.endsWith("_mb")) return `${group}: MB`;
  return group;
}

const orderOf = (title) => ({ Loss: 0, train: 1, val: 2 })[title] ?? (title.startsWith("system") ? 9 : 5);

/** Points of one name, steps ascending. A later attempt replaces what an earlier one had from its first step on. */
class Series {
  constructor(steps = [], values = [], attempt = 0) {
    Object.assign(this, { steps, values, attempt });
  }

  /** False for what is there already. */
  add(step, value, attempt) {
    if (attempt > this.attempt) {
      if (this.attempt) this.#cut(step);
      this.attempt = attempt;
    }
    const last = this.steps.at(-1);
    if (last !== undefined && step <= last) return false;
    this.steps.push(step);
    this.values.push(value);
    return true;
  }

  #cut(step) {
    while (this.steps.length && this.steps.at(-1) >= step) {
      this.steps.pop();
      this.values.pop();
    }
  }
}

export class Metrics {
  #series = new Map();
  #charts = new Map();
  #forks = new Map();
  #early = []; // rows that came before the first answer
  #loading = null;
  #tableAt = 0;
  #attempt;
  #fine = null;

  constructor(run, { attempt, root, table, onZoom }) {
    Object.assign(this, { run, root, table, onZoom });
    this.#attempt = attempt;
    this.options = { smoothing: 0, log: false, range: null };
  }

  /** All series from the server. Rows that come meanwhile are added behind them. */
  load() {
    this.#loading ??= this.#load().finally(() => { this.#loading = null; });
    return this.#loading;
  }

  async #load() {
    this.#early ??= [];
    const found = await this.#fetch({ points: POINTS });
    for (const [name, { steps, values }] of Object.entries(found.series)) {
      this.#series.set(name, new Series(steps, values, this.#attempt));
    }
    await this.#findForks();
    const early = this.#early;
    this.#early = null;
    this.append(early);
    this.#showAll();
  }

  #fetch(query) {
    return ask(`/runs/${this.run}/metrics?${new URLSearchParams(query)}`);
  }

  /** Where each later attempt went on. */
  async #findForks() {
    const later = Array.from({ length: Math.max(this.#attempt - 1, 0) }, (_, at) => at + 2).slice(-20);
    await Promise.all(later.map(async (attempt) => {
      const { series } = await this.#fetch({ attempt, points: 2 });
      const firsts = Object.values(series).filter(({ steps }) => steps.length).map(({ steps }) => steps[0]);
      if (firsts.length) this.#forks.set(attempt, Math.min(...firsts));
    }));
  }

  /** Rows as they come: `{step, attempt, series}`. */
  append(rows) {
    if (this.#early !== null) {
      this.#early.push(...rows);
      return;
    }
    const touched = new Set();
    for (const { step, attempt, series } of rows) {
      if (step === null) continue;
      if (attempt > this.#attempt) this.#begin(attempt, step);
      for (const [name, value] of Object.entries(series)) {
        if (!this.#series.has(name)) this.#series.set(name, new Series([], [], attempt));
        if (this.#series.get(name).add(step, value, attempt)) touched.add(chartOf(name));
      }
    }
    touched.forEach((title) => this.#show(title));
    this.#tellTable();
    if ([...this.#series.values()].some(({ steps }) => steps.length > LONG)) this.load();
  }

  #begin(attempt, step) {
    this.#attempt = attempt;
    this.#forks.set(attempt, step);
  }

  set(options) {
    Object.assign(this.options, options);
    this.#charts.forEach((chart) => chart.set(this.options));
  }

  /** All charts look at the same steps; what was thinned is fetched as fine as it is. */
  async zoom(range) {
    this.#fine = null;
    this.set({ range });
    this.onZoom(range);
    if (range === null) {
      this.#showAll();
      return;
    }
    const query = { first_step: Math.floor(range.min), last_step: Math.ceil(range.max), points: POINTS };
    const { series } = await this.#fetch(query);
    if (this.options.range !== range) return;
    this.#fine = series;
    this.#showAll();
  }

  #showAll() {
    const titles = new Set([...this.#series.keys()].map(chartOf));
    [...titles].sort((a, b) => orderOf(a) - orderOf(b) || a.localeCompare(b)).forEach((title) => this.#show(title));
    this.#tellTable();
  }

  #show(title) {
    if (!this.#charts.has(title)) {
      this.root.querySelector("#no-charts")?.remove();
      const chart = new Chart(this.root, { title, onZoom: (range) => this.zoom(range) });
      chart.set(this.options);
      this.#charts.set(title, chart);
    }
    const names = [...this.#series.keys()].filter((name) => chartOf(name) === title).sort();
    const marks = [...this.#forks].map(([attempt, step]) => ({ step, label: `attempt ${attempt}` }));
    this.#charts.get(title).show(names.map((name) => this.#line(name)), marks);
  }

  #line(name) {
    const fine = this.#fine?.[name];
    const { steps, values } = fine?.steps.length ? fine : this.#series.get(name);
    return { label: name, steps, values, how: wordingOf(name) };
  }

  /** How many points of a series are here. */
  pointsOf(name) {
    return this.#series.get(name)?.steps.length ?? 0;
  }

  /** The same numbers for who does not see charts. */
  #tellTable() {
    if (!this.table.open || Date.now() - this.#tableAt < TABLE_EVERY_MS) return;
    this.tellTable();
  }

  tellTable() {
    this.#tableAt = Date.now();
    const rows = [...this.#series].filter(([, { steps }]) => steps.length).sort(([a], [b]) => a.localeCompare(b));
    this.table.querySelector("tbody").replaceChildren(...rows.map(([name, { steps, values }]) => {
      const how = wordingOf(name);
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      const low = values.reduce((least, value) => Math.min(least, value), Infinity);
      const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
      const cells = [say(values.at(-1), how), sayCount(steps.at(-1)), say(low, how), say(high, how)].map((text) => {
        const cell = document.createElement("td");
        cell.className = "number";
        cell.textContent = text;
        return cell;
      });
      row.append(head, ...cells);
      return row;
    }));
  }
}
