// Line charts on uPlot: legend with values, zoom, smoothing, log scale, marks, dots, colours of the theme.
/* global uPlot */
import { labelTimes, sayMoment, sayShareTick, sayTick } from "./ticks.js";
import { say, sayUtc } from "./wording.js";
import { HELP, SHORTCUTS, zoomByKeys, zoomByTouch } from "./zoom.js";

const HEIGHT = 220;
const COLOURS = 8;
const FEW_POINTS = 60; // are drawn as dots too
const ROW_HEIGHT = 34; // of a chart with a name for each row
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const dark = matchMedia("(prefers-color-scheme: dark)");
const open = new Set();

/**
 * `hue`: the colour of another line; `bare`: without points; `text`: what the legend says instead of the value.
 * @typedef {{label: string, steps: number[], values: number[], how?: string, hue?: number, bare?: boolean, text?: string}} Line
 * @typedef {{x: number, y: number, shape: "up" | "down" | "out" | "point", hue: string}} Dot
 */

const X_TICKS = {
  step: (_, splits) => splits.map((step) => (Number.isInteger(step) ? compact.format(step) : "")),
  time: (plot, splits, _axis, _space, incr) => labelTimes(splits, incr),
  share: (_, splits) => splits.map(sayShareTick),
  number: (_, splits) => splits.map(sayTick),
};

/** Smoothed by an exponential mean, without the pull towards 0 at its beginning. */
export function smooth(values, weight) {
  if (!weight) return values;
  let mean = 0;
  let part = 0;
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    part = weight * part + (1 - weight);
    return mean / part;
  });
}

/** Lines of one chart on one scale. `onZoom(range | null)` is told what was asked for; the owner zooms all charts. */
export class Chart {
  #plot = null;
  #dirty = false;
  #visible = false;
  #rebuild = true;
  #hidden = new Set();
  #whole = { min: 0, max: 1 }; // what there is to see
  #asked = null; // the range that was asked for last: it may not be here yet
  #held = null; // shown while fingers move

  /**
   * @param {HTMLElement} root where it is put
   * @param {object} options
   * @param {string} options.title
   * @param {string} [options.sync] charts of one key move their cursors together
   * @param {(range: {min: number, max: number} | null) => void} [options.onZoom]
   * @param {"step" | "time" | "share" | "number"} [options.x] what lies across; times are seconds since the epoch
   * @param {"number" | "share"} [options.y] how the scale is worded
   * @param {string[]} [options.rows] names of y = 1, 2, … from the bottom, instead of a scale
   * @param {[string, string]} [options.band] labels of the upper and the lower line that it is filled between
   * @param {boolean} [options.wide] over the whole width
   */
  constructor(root, { title, sync = "run", onZoom = null, x = "step", y = "number", rows = null, band = null, wide = false }) {
    Object.assign(this, { title, sync, onZoom, x, y, rows, band });
    this.height = rows ? rows.length * ROW_HEIGHT + 40 : HEIGHT;
    /** @type {Line[]} */ this.lines = [];
    this.marks = [];
    /** @type {Dot[]} */ this.dots = [];
    this.smoothing = 0;
    this.log = false;
    this.range = null;
    this.figure = document.createElement("figure");
    this.figure.className = wide ? "chart wide" : "chart";
    const caption = document.createElement("figcaption");
    this.when = document.createElement("span");
    this.when.className = "quiet when";
    caption.append(title, ...(x === "time" ? [this.when] : []));
    this.host = document.createElement("div");
    this.host.className = "chart-canvas";
    this.host.style.minHeight = `${this.height}px`;
    this.legend = document.createElement("div");
    this.legend.className = "legend";
    this.figure.append(caption, this.host, this.legend);
    root.append(this.figure);
    if (onZoom) this.#offerZoom();
    new ResizeObserver(() => this.#resize()).observe(this.host);
    new IntersectionObserver((entries) => this.#appear(entries.at(-1).isIntersecting), { rootMargin: "200px" }).observe(this.figure);
    open.add(this);
  }

  /** @param {Line[]} lines */
  show(lines, marks = this.marks) {
    if (lines.length !== this.lines.length || lines.some((line, at) => line.label !== this.lines[at].label)) this.#rebuild = true;
    this.lines = lines;
    this.marks = marks;
    this.redraw();
  }

  /** Signs on the lines, in place of those that were there. @param {Dot[]} dots */
  showDots(dots) {
    this.dots = dots;
    this.redraw({ rebuild: true });
  }

  set({ smoothing = this.smoothing, log = this.log, range = this.range }) {
    this.#rebuild ||= log !== this.log;
    this.#asked = range;
    Object.assign(this, { smoothing, log, range });
    this.redraw();
  }

  /** Soon: only what is on the screen is drawn. */
  redraw({ rebuild = false } = {}) {
    this.#rebuild ||= rebuild;
    this.#dirty = true;
    if (this.#visible) this.#draw();
  }

  /** Takes it off the page. */
  remove() {
    open.delete(this);
    this.#plot?.destroy();
    this.#plot = null;
    this.#visible = false;
    this.figure.remove();
  }

  /** Its canvas, drawn also when it is not on the screen. */
  paint() {
    if (this.#dirty || this.#plot === null) this.#draw();
    return this.#plot.ctx.canvas;
  }

  #appear(visible) {
    this.#visible = visible;
    if (visible && this.#dirty) this.#draw();
  }

  #draw() {
    this.#dirty = false;
    const data = this.#data();
    if (this.#rebuild || this.#plot === null) this.#build(data);
    else this.#plot.setData(data, false);
    const steps = data[0];
    const seen = { min: steps[0] ?? 0, max: steps.at(-1) ?? 1 };
    // A stretch that is zoomed into may be all that is here.
    this.#whole = this.range === null ? seen : { min: Math.min(seen.min, this.#whole.min), max: Math.max(seen.max, this.#whole.max) };
    this.#look(this.#held ?? this.range ?? seen);
    this.#tellValues();
  }

  #look({ min, max }) {
    this.#plot?.setScale("x", { min, max: max > min ? max : min + 1 });
  }

  /** By keys and by fingers, as by the mouse. */
  #offerZoom() {
    this.host.tabIndex = 0;
    this.host.setAttribute("role", "application");
    this.host.setAttribute("aria-label", `${this.title}: ${HELP}`);
    this.host.setAttribute("aria-keyshortcuts", SHORTCUTS);
    const look = () => ({ shown: this.#asked ?? this.#whole, whole: this.#whole });
    const ask = (range) => this.#ask(range);
    zoomByKeys(this.host, look, ask);
    zoomByTouch(this.host, {
      look,
      ask,
      surface: () => ({ box: this.#plot.over.getBoundingClientRect(), valueAt: (at) => this.#plot.posToVal(at, "x") }),
      hold: (range) => {
        this.#held = range;
        this.#look(range ?? this.range ?? this.#whole);
      },
      mark: (from, to) => this.#plot.setSelect({ left: Math.min(from, to), width: Math.abs(to - from), top: 0, height: this.#plot.over.clientHeight }, false),
    });
  }

  #ask(range) {
    if (range === null && this.#asked === null) return; // all is shown already
    this.#asked = range;
    this.onZoom(range);
  }

  /** Steps of all lines, and each line's values at them; raw ones beside the smoothed. */
  #data() {
    const keep = (values) => (this.log ? values.map((value) => (value > 0 ? value : null)) : values);
    const columns = this.lines.flatMap(({ steps, values }) => {
      const main = [steps, keep(smooth(values, this.smoothing))];
      return this.smoothing ? [[steps, keep(values)], main] : [main];
    });
    this.#rebuild ||= this.#plot !== null && this.#plot.series.length !== columns.length + 1;
    return columns.length ? uPlot.join(columns) : [[]];
  }

  #build(data) {
    this.#plot?.destroy();
    this.#rebuild = false;
    const ink = this.#colour("var(--text-soft)");
    const axis = { stroke: ink, grid: { stroke: this.#colour("var(--line)"), width: 1 }, ticks: { show: false }, font: "12px Inter, sans-serif" };
    this.#plot = new uPlot({
      width: Math.max(this.host.clientWidth, 100),
      height: this.height,
      legend: { show: false },
      cursor: {
        sync: { key: this.sync, setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        drag: { x: this.onZoom !== null, y: false, setScale: false },
        points: { size: 6 },
        bind: { dblclick: () => () => this.onZoom && this.#ask(null) },
      },
      scales: { x: { time: this.x === "time", auto: false }, y: this.rows ? { range: [0.4, this.rows.length + 0.6] } : { distr: this.log ? 3 : 1 } },
      axes: [{ ...axis, size: 30, values: X_TICKS[this.x], ...(this.x === "time" ? { space: 80 } : {}) }, { ...axis, ...this.#yAxis() }],
      series: [{}, ...this.#series()],
      bands: this.#bands(),
      hooks: {
        setSelect: [(plot) => this.#select(plot)],
        setCursor: [() => this.#tellValues()],
        draw: [(plot) => this.#mark(plot, ink), (plot) => this.#dot(plot)],
      },
    }, data, this.host);
    const canvas = this.#plot.ctx.canvas;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${this.title}: ${this.lines.map((line) => line.label).join(", ")}. The values are in the table below.`);
    this.#writeLegend();
  }

  #yAxis() {
    if (!this.rows) return { size: 62, values: (_, splits) => splits.map(this.y === "share" ? sayShareTick : sayTick) };
    const names = this.rows;
    return { size: 104, grid: { show: false }, splits: () => names.map((_, at) => at + 1), values: () => names };
  }

  #hueOf(at) {
    return `var(--chart-${((this.lines[at].hue ?? at) % COLOURS) + 1})`;
  }

  #bands() {
    const [upper, lower] = (this.band ?? []).map((label) => this.lines.findIndex((line) => line.label === label) + 1);
    if (!upper || !lower) return [];
    return [{ series: [upper, lower], fill: this.#colour(`color-mix(in srgb, ${this.#hueOf(upper - 1)} 18%, transparent)`) }];
  }

  #series() {
    return this.lines.flatMap((line, at) => {
      const stroke = this.#colour(this.#hueOf(at));
      const dash = at >= COLOURS ? [6, 3] : undefined;
      const points = { show: () => !this.lines[at].bare && this.lines[at].steps.length < FEW_POINTS, size: 5, fill: stroke };
      const main = { label: line.label, stroke, width: this.#isBound(line) ? 0.75 : 1.75, dash, show: !this.#hidden.has(line.label), points };
      return this.smoothing ? [{ ...main, width: 1, alpha: 0.25, points: { show: false } }, main] : [main];
    });
  }

  #isBound({ label }) {
    return this.band?.includes(label) ?? false;
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 5) return;
    const range = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#ask(range);
  }

  /** Where another attempt went on: a dashed line. */
  #mark(plot, ink) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = ink;
    ctx.font = `${11 * devicePixelRatio}px Inter, sans-serif`;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const { step, label } of this.marks) {
      const x = plot.valToPos(step, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillText(label, x + 4 * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** Signs: up and down, out, or a point. */
  #dot(plot) {
    const { ctx, bbox } = plot;
    const size = 4.5 * devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const { x, y, shape, hue } of this.dots) {
      const [left, top] = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
      if (left < bbox.left || left > bbox.left + bbox.width) continue;
      ctx.fillStyle = ctx.strokeStyle = this.#colour(hue);
      ctx.beginPath();
      SHAPES[shape](ctx, left, top, size);
      ctx.closePath();
      if (shape === "out") ctx.stroke();
      else ctx.fill();
    }
    ctx.restore();
  }

  #writeLegend() {
    this.legend.replaceChildren(...this.lines.map((line, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "legend-item";
      button.setAttribute("aria-pressed", String(!this.#hidden.has(line.label)));
      button.style.setProperty("--hue", this.#hueOf(at));
      const value = document.createElement("b");
      button.append(line.label, value);
      button.addEventListener("click", () => this.#toggle(line.label, button));
      return button;
    }));
  }

  #toggle(label, button) {
    if (!this.#hidden.delete(label)) this.#hidden.add(label);
    button.setAttribute("aria-pressed", String(!this.#hidden.has(label)));
    this.redraw({ rebuild: true });
  }

  /** The values under the cursor, else the newest. */
  #tellValues() {
    const plot = this.#plot;
    if (!plot || this.legend.children.length !== this.lines.length) return;
    const last = plot.data[0].length - 1;
    const at = Math.min(plot.cursor.idx ?? last, last); // the cursor may stand where there was more to see
    const stride = this.smoothing ? 2 : 1;
    const isElsewhere = (value) => value === undefined || (value === null && this.x !== "time"); // what is unknown at a time is a dash
    this.lines.forEach((line, number) => {
      const column = plot.data[stride * number + stride] ?? [];
      let place = at;
      while (place > 0 && isElsewhere(column[place])) place -= 1;
      this.legend.children[number].lastChild.textContent = line.text ?? say(column[place], line.how);
    });
    if (this.x !== "time") return;
    this.when.textContent = last < 0 ? "" : sayMoment(plot.data[0][at]);
    this.when.title = last < 0 ? "" : sayUtc(plot.data[0][at] * 1000);
  }

  #resize() {
    const width = this.host.clientWidth;
    if (this.#plot && width && width !== this.#plot.width) this.#plot.setSize({ width, height: this.height });
  }

  /** A colour of the stylesheet as a canvas takes it. */
  #colour(value) {
    this.host.style.color = value;
    const found = getComputedStyle(this.host).color;
    this.host.style.color = "";
    return found;
  }
}

const SHAPES = {
  up: (ctx, x, y, size) => { ctx.moveTo(x, y - size); ctx.lineTo(x + size, y + size); ctx.lineTo(x - size, y + size); },
  down: (ctx, x, y, size) => { ctx.moveTo(x, y + size); ctx.lineTo(x + size, y - size); ctx.lineTo(x - size, y - size); },
  out: (ctx, x, y, size) => ctx.arc(x, y, 0.7 * size, 0, 2 * Math.PI),
  point: (ctx, x, y, size) => ctx.arc(x, y, size, 0, 2 * Math.PI),
};

const repaint = () => open.forEach((chart) => chart.redraw({ rebuild: true }));
dark.addEventListener("change", repaint);
new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
