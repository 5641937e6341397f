// The test window of a PPO run: equity and drawdown against buy and hold, Sharpe ratios with intervals, trades.
import { Chart } from "./charts.js";
import { fetchPage } from "./fresh.js";
import { drawEstimates, tabulateEstimates } from "./estimates.js";
import { localise } from "./page.js";
import { makeTable } from "./tables.js";
import { spanOf } from "./ticks.js";
import { say } from "./wording.js";

const SHARPE = { title: "Sharpe ratio per √year, with its 95 % interval", how: "number" };
const find = (id) => document.getElementById(id);

export class TradingOutcome {
  #charts = null;
  #curve = null;
  #estimates = [];
  #trades = [];
  #intervals = null; // their chart
  #range = null;
  #turn = 0; // of what was chosen last: an answer that comes late is none to it
  #page = 0;

  /** `attempt(work)` does it and tells what went wrong. */
  constructor(root, fetch, attempt) {
    Object.assign(this, { root, fetch, attempt });
    this.symbol = find("outcome-symbol");
    this.symbol.addEventListener("change", () => attempt(() => this.#begin()));
    find("outcome-reset").addEventListener("click", () => this.#zoom(null));
  }

  async show({ intervals }) {
    this.#estimates = intervals;
    await (this.#curve ? this.#load() : this.#begin()); // what somebody has chosen since stays
    this.#intervals?.remove();
    this.#intervals = drawEstimates(find("outcome-charts"), intervals, SHARPE);
  }

  async #begin() {
    this.#range = null;
    const page = ++this.#page;
    await this.#load();
    if (page === this.#page) await this.showTrades(1); // unless another one was asked for meanwhile
  }

  /** A page of the trades; those are marked on the equity. */
  async showTrades(page) {
    const turn = ++this.#page;
    const query = new URLSearchParams({ page, symbol: this.symbol.value });
    const piece = await fetchPage(`${location.pathname}/trades?${query}`);
    if (turn !== this.#page) return;
    localise(piece);
    find("trades").replaceChildren(...piece.body.childNodes);
    this.#trades = [...find("trades").querySelectorAll("[data-entered]")].map(({ dataset }) => dataset);
    this.#mark();
  }

  async #load() {
    const turn = ++this.#turn;
    const range = this.#range;
    const query = { symbol: this.symbol.value, from: range?.min, to: range?.max };
    const curve = await this.fetch("equity.json", query);
    if (turn !== this.#turn) return;
    this.#curve = curve;
    this.#offer(curve.symbols);
    this.#charts ??= this.#makeCharts();
    const { at_s: steps, agent, hold, agent_drawdown, hold_drawdown } = curve;
    const both = (own, held) => [["Agent", own], ["Buy and hold", held]].map(([label, values]) => ({ label, steps, values, how: "share", bare: true }));
    this.#charts.equity.show(both(agent.map(toChange), hold.map(toChange)));
    this.#charts.drawdown.show(both(agent_drawdown, hold_drawdown));
    Object.values(this.#charts).forEach((chart) => chart.set({ range }));
    find("outcome-reset").disabled = range === null;
    this.#mark();
    this.#tabulate();
  }

  #makeCharts() {
    const root = find("outcome-charts");
    const options = { sync: "outcome", x: "time", y: "share", onZoom: (range) => this.#zoom(range) };
    return {
      equity: new Chart(root, { ...options, title: "Equity: change since the start", wide: true }),
      drawdown: new Chart(root, { ...options, title: "Drawdown: below the highest equity so far" }),
    };
  }

  #zoom(range) {
    this.#range = range;
    this.attempt(() => this.#load());
  }

  #offer(symbols) {
    if (this.symbol.options.length) return;
    this.symbol.append(new Option("all", ""), ...symbols.map((symbol) => new Option(symbol, symbol)));
    this.symbol.closest("label").hidden = symbols.length < 2;
  }

  #mark() {
    if (!this.#charts || !this.#curve.at_s.length) return;
    this.#charts.equity.showDots(this.#trades.flatMap(({ entered, exited, side }) => {
      const hue = side === "long" ? "var(--completed)" : "var(--failed)";
      const signs = [this.#dotAt(Number(entered), side === "long" ? "up" : "down", hue)];
      return exited ? [...signs, this.#dotAt(Number(exited), "out", hue)] : signs;
    }));
  }

  /** On the line of the agent, between the points that are drawn. */
  #dotAt(x, shape, hue) {
    const { at_s, agent } = this.#curve;
    const next = at_s.findIndex((at) => at >= x);
    const after = next < 0 ? at_s.length - 1 : next;
    const before = Math.max(after - 1, 0);
    const part = after === before ? 0 : Math.min((x - at_s[before]) / (at_s[after] - at_s[before]), 1);
    return { x, y: toChange(agent[before] + part * (agent[after] - agent[before])), shape, hue };
  }

  #tabulate() {
    const { at_s, agent, hold, agent_drawdown, hold_drawdown } = this.#curve;
    const rowOf = (label, equity, drawdown) => [label, ...[toChange(equity.at(-1)), toChange(Math.min(...equity)), toChange(Math.max(...equity)), Math.min(...drawdown)].map((value) => say(value, "share"))];
    find("outcome-tables").querySelector(".stack").replaceChildren(
      makeTable("Equity, change since the start", ["", "At the end", "Lowest", "Highest", "Deepest drawdown"], [
        rowOf("Agent", agent, agent_drawdown), rowOf("Buy and hold", hold, hold_drawdown),
      ], spanOf(at_s)),
      ...(this.#estimates.length ? [tabulateEstimates(this.#estimates, SHARPE)] : []),
    );
  }
}

const toChange = (equity) => equity - 1;
