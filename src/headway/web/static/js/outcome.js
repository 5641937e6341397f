// What came out of a run, drawn once its evaluation has ended: curves, intervals, calibration, trades.
import { ask } from "./page.js";
import { ForecastOutcome } from "./outcome_forecast.js";
import { TradingOutcome } from "./outcome_trading.js";

const KINDS = { ppo: TradingOutcome, forecast: ForecastOutcome };

export class Outcome {
  #told = null;
  #shown = null;

  /** @param {string} run its id @param {HTMLElement | null} root none for a run whose engine leaves nothing to draw */
  constructor(run, root) {
    Object.assign(this, { run, root });
  }

  /** Draw what there is, unless it is drawn. */
  look() {
    const told = this.root?.querySelector("[data-told]")?.dataset.told;
    if (!told || told === this.#told) return;
    this.#told = told;
    this.#say("Reading the results …");
    this.#shown ??= new KINDS[this.root.dataset.engine](
      this.root, (path, query) => this.#fetch(path, query), (work) => this.#attempt(work),
    );
    this.#shown.show(JSON.parse(told))
      .then(() => { this.#tell(""); this.#reveal(); })
      .catch((error) => { this.#told = null; this.#tell(error.message); }) // tried again at the next news
      .finally(() => this.#say(""));
  }

  /** Trades, page by page. */
  turnTo(page) {
    return this.#shown.showTrades(page);
  }

  #fetch(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return ask(`/ui/runs/${this.run}/${path}?${new URLSearchParams(given)}`);
  }

  /** What somebody has chosen; what is drawn stays where that cannot be read. */
  #attempt(work) {
    return work().then(() => this.#tell(""), (error) => this.#tell(error.message));
  }

  #reveal() {
    for (const id of ["outcome-choices", "outcome-hint", "outcome-tables"]) document.getElementById(id).hidden = false;
  }

  #say(text) {
    document.getElementById("outcome-status").textContent = text;
  }

  #tell(text) {
    document.getElementById("outcome-error").textContent = text;
  }
}
