// The numbers of a run as charts: what was told so far, thinned; then each row as it comes; finer where one zooms in.
import { ask } from "./page.js";
import { Chart } from "./charts.js";
import { say, sayCount, wordingOf } from "./wording.js";

const POINTS = 1500; // of each series, at first
const FEWEST_WITH_ENDS = 4; // points of a series among which its first and its last are
const LONG = 6000; // then it is fetched anew, thinned
const TABLE_EVERY_MS = 500;
const FIRST_PAUSE_MS = 1000; // before numbers that could not be read are asked for again
const LONGEST_PAUSE_MS = 30_000;

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
  #early = null; // rows that come while the server is asked
  #zooming = 0;
  #loading = null;
  #tableAt = 0;
  #attempt;
  #fine = null;

  /** `onTrouble(error)`: numbers could not be read; where that may pass they are asked for again. */
  constructor(run, { attempt, root, table, onZoom, onTrouble }) {
    Object.assign(this, { run, root, table, onZoom, onTrouble });
    this.#attempt = attempt;
    this.options = { smoothing: 0, log: false, range: null };
  }

  /** All series from the server. Rows that come meanwhile are added behind them. */
  load() {
    this.#loading ??= this.#loadPatiently().finally(() => { this.#loading = null; });
    return this.#loading;
  }

  /** Until there is an answer: a server that is away comes back, what it refuses it refuses again. */
  async #loadPatiently() {
    for (let pause_ms = FIRST_PAUSE_MS; ; pause_ms = Math.min(2 * pause_ms, LONGEST_PAUSE_MS)) {
      try {
        await this.#load();
        return;
      } catch (error) {
        if (pause_ms === FIRST_PAUSE_MS) this.onTrouble(error);
        if (error.status >= 400 && error.status < 500) return;
      }
      await new Promise((resolve) => { setTimeout(resolve, pause_ms); });
    }
  }

  async #load() {
    this.#early = [];
    try {
      const found = await this.#fetch({ points: POINTS });
      const forks = await this.#findForks();
      this.#series = new Map(Object.entries(found.series).map(([name, { steps, values }]) => [name, new Series(steps, values, this.#attempt)]));
      forks.forEach(([attempt, step]) => this.#forks.set(attempt, step));
    } finally {
      const early = this.#early;
      this.#early = null;
      this.append(early);
    }
    this.#showAll();
  }

  #fetch(query) {
    return ask(`/runs/${this.run}/metrics?${new URLSearchParams(query)}`);
  }

  /** Where each later attempt went on: the first of the points is its first step, however many it has. */
  async #findForks() {
    const later = Array.from({ length: Math.max(this.#attempt - 1, 0) }, (_, at) => at + 2).slice(-20);
    const found = await Promise.all(later.map(async (attempt) => {
      const { series } = await this.#fetch({ attempt, points: FEWEST_WITH_ENDS });
      return [attempt, Math.min(...Object.values(series).flatMap(({ steps }) => steps.slice(0, 1)))];
    }));
    return found.filter(([, step]) => Number.isFinite(step));
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
    const turn = ++this.#zooming;
    this.#fine = null;
    this.set({ range });
    this.onZoom(range);
    if (range === null) {
      this.#showAll();
      return;
    }
    try {
      const { series } = await this.#fetch({ first_step: Math.floor(range.min), last_step: Math.ceil(range.max), points: POINTS });
      if (turn !== this.#zooming) return;
      this.#fine = series;
      this.#showAll();
    } catch (error) {
      if (turn === this.#zooming) this.onTrouble(error); // what is drawn stays, as coarse as it is
    }
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
