// The forecasts of a run beside what came, how often it means what it says, and how it does beside what needs no model.
import { Chart } from "./charts.js";
import { drawEstimates, tabulateEstimates } from "./estimates.js";
import { makeTable } from "./tables.js";
import { spanOf } from "./ticks.js";
import { MISSING, say } from "./wording.js";

const SKILL = { title: "Loss avoided beside each baseline, test rows, with its 95 % interval", how: "share" };
const NOMINAL = 0.8;
const find = (id) => document.getElementById(id);
const line = (label, steps, values, how, more = {}) => ({ label, steps, values, how, ...more });

export class ForecastOutcome {
  #charts = null;
  #told = null;
  #path = null;
  #calibration = null;
  #results = []; // charts of what the result tells
  #range = null;
  #turn = 0; // of what was chosen last: an answer that comes late is none to it

  /** `attempt(work)` does it and tells what went wrong. */
  constructor(root, fetch, attempt) {
    Object.assign(this, { root, fetch, attempt });
    this.split = find("outcome-split");
    this.bar = find("outcome-bar");
    this.split.addEventListener("change", () => attempt(() => this.#begin()));
    this.bar.addEventListener("change", () => attempt(() => this.#load()));
    find("outcome-reset").addEventListener("click", () => this.#zoom(null));
  }

  async show(told) {
    this.#told = told;
    if (this.#path) {
      this.#tellSingleBar();
      this.#tabulate();
    } else await this.#begin(); // what somebody has chosen since stays
    this.#results.forEach((chart) => chart.remove());
    const root = find("outcome-charts");
    this.#results = [this.#drawErrors(root), drawEstimates(root, told.intervals, SKILL)].filter(Boolean);
  }

  async #begin() {
    const turn = ++this.#turn;
    this.#range = null;
    const calibration = await this.fetch("calibration.json", { split: this.split.value });
    if (turn !== this.#turn) return;
    this.#calibration = calibration;
    if (!(await this.#load())) return;
    this.#showCalibration();
    this.#tellSingleBar();
    this.#tabulate();
  }

  /** One bar ahead makes no chart: its numbers in a sentence. */
  #tellSingleBar() {
    const parts = [];
    const [bounds, ...more] = this.#calibration.bounds;
    if (bounds && !more.length) parts.push(`${say(bounds.inside_fraction, "share")} of ${say(bounds.rows)} rows came within the interval of 80 %.`);
    const [error, ...others] = this.#told.errors;
    if (error && !others.length) parts.push(`RMSE on the test rows: model ${say(error.model, "fine-share")}, no change ${say(error.no_change, "fine-share")}, linear ${say(error.linear, "fine-share")}.`);
    find("outcome-summary").textContent = parts.join(" ");
  }

  /** Whether it is what was chosen last. */
  async #load() {
    const turn = ++this.#turn;
    const range = this.#range;
    const query = { split: this.split.value, bar: this.bar.value, from: range?.min, to: range?.max };
    const path = await this.fetch("predictions.json", query);
    if (turn !== this.#turn) return false;
    this.#path = path;
    this.#offer();
    this.#charts ??= this.#makeCharts();
    this.#charts.path.show(this.#pathLines());
    this.#charts.path.set({ range });
    find("outcome-reset").disabled = range === null;
    this.#tabulate();
    return true;
  }

  #pathLines() {
    const { at_s: steps, actual, forecast, lower, upper } = this.#path;
    const lines = [line("What came", steps, actual, "fine-share", { bare: true, hue: 1 }), line("Forecast", steps, forecast, "fine-share", { bare: true, hue: 0 })];
    if (lower) lines.push(...[["90 %", upper], ["10 %", lower]].map(([label, values]) => line(label, steps, values, "fine-share", { bare: true, hue: 0 })));
    return lines;
  }

  #makeCharts() {
    const root = find("outcome-charts");
    const charts = {
      path: new Chart(root, { title: "Return since the close of a row", sync: "outcome", x: "time", y: "share", band: ["90 %", "10 %"], wide: true, onZoom: (range) => this.#zoom(range) }),
    };
    if (this.#calibration.short.length || this.#calibration.long.length) {
      charts.trends = new Chart(root, { title: "Trends: how often right, by how sure", sync: "reliability", x: "share", y: "share" });
    }
    if (this.#calibration.bounds.length > 1) {
      charts.bounds = new Chart(root, { title: "Within the interval of 80 %, by bars ahead", sync: "bars", y: "share" });
    }
    return charts;
  }

  #drawErrors(root) {
    const { errors } = this.#told;
    if (errors.length < 2) return null;
    const steps = errors.map(({ bar }) => bar);
    const chart = new Chart(root, { title: "RMSE on the test rows, by bars ahead", sync: "bars", y: "share" });
    const of = (label, name) => line(label, steps, errors.map((row) => row[name]), "fine-share");
    chart.show([of("Model", "model"), of("No change", "no_change"), of("Linear", "linear")]);
    return chart;
  }

  #showCalibration() {
    const { short, long, bounds } = this.#calibration;
    const reliability = (label, bins, hue) => line(label, bins.map(({ confidence }) => confidence), bins.map(({ accuracy }) => accuracy), "share", { hue });
    this.#charts.trends?.show([
      line("Calibrated", [0, 1], [0, 1], "share", { bare: true, hue: 7 }), reliability("Short", short, 0), reliability("Long", long, 1),
    ]);
    const bars = bounds.map(({ bar }) => bar);
    this.#charts.bounds?.show([
      line("Nominal", bars, bars.map(() => NOMINAL), "share", { bare: true, hue: 7 }),
      line("Came within", bars, bounds.map(({ inside_fraction: share }) => share), "share", { hue: 0 }),
    ]);
  }

  #zoom(range) {
    this.#range = range;
    this.attempt(() => this.#load());
  }

  #offer() {
    const { split, splits, bar, bars } = this.#path;
    if (!this.split.options.length) this.split.append(...splits.map((name) => new Option(name, name, false, name === split)));
    if (this.bar.options.length) return;
    this.bar.append(...Array.from({ length: bars }, (_, at) => new Option(String(at + 1), String(at + 1), false, at + 1 === bar)));
    this.bar.closest("label").hidden = bars < 2;
  }

  #tabulate() {
    const { short, long, bounds } = this.#calibration;
    const share = (value) => say(value, "share");
    const bins = (title, found) => makeTable(title, ["Sure by", "Right", "Rows"], found.map((each) => [share(each.confidence), share(each.accuracy), say(each.rows)]));
    const tables = [
      this.#tabulatePath(),
      bins("Short trend: how often right, by how sure", short),
      bins("Long trend: how often right, by how sure", long),
    ];
    if (bounds.length) {
      tables.push(makeTable("Where what came lay; nominal are 10 %, 80 % and 10 %", ["Bars ahead", "Below", "Within", "Above", "Mean width", "Rows"], bounds.map((each) => [
        String(each.bar), ...[each.below_fraction, each.inside_fraction, each.above_fraction].map(share), say(each.width, "fine-share"), say(each.rows),
      ])));
    }
    const { errors, intervals } = this.#told;
    if (errors.length) {
      tables.push(makeTable("RMSE on the test rows", ["Bars ahead", "Model", "No change", "Linear"], errors.map((row) => [
        String(row.bar), ...[row.model, row.no_change, row.linear].map((value) => say(value, "fine-share")),
      ])));
    }
    if (intervals.length) tables.push(tabulateEstimates(intervals, SKILL));
    find("outcome-tables").querySelector(".stack").replaceChildren(...tables);
  }

  #tabulatePath() {
    const { at_s, split, bar, rows } = this.#path;
    return makeTable(`Return ${bar} ${bar === 1 ? "bar" : "bars"} ahead, ${split}, ${say(rows)} rows`, ["", "Lowest", "Highest"], this.#pathLines().map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      return [label, ...(known.length ? [Math.min(...known), Math.max(...known)].map((value) => say(value, "fine-share")) : [MISSING, MISSING])];
    }), spanOf(at_s));
  }
}
