// Line charts over steps, on uPlot: legend with values, zoom, smoothing, log scale, marks, colours of the theme.
/* global uPlot */
import { say } from "./wording.js";

const HEIGHT = 220;
const COLOURS = 8;
const FEW_POINTS = 60; // are drawn as dots too
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const dark = matchMedia("(prefers-color-scheme: dark)");
const open = new Set();

/** @typedef {{label: string, steps: number[], values: number[], how?: string}} Line */

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

/** Lines of one chart on one scale. `onZoom(range | null)` is told what was dragged; the owner zooms all charts. */
export class Chart {
  #plot = null;
  #dirty = false;
  #visible = false;
  #rebuild = true;
  #hidden = new Set();

  /**
   * @param {HTMLElement} root where it is put
   * @param {{title: string, sync?: string, onZoom?: (range: {min: number, max: number} | null) => void}} options
   */
  constructor(root, { title, sync = "run", onZoom = () => {} }) {
    this.title = title;
    this.sync = sync;
    this.onZoom = onZoom;
    /** @type {Line[]} */ this.lines = [];
    this.marks = [];
    this.smoothing = 0;
    this.log = false;
    this.range = null;
    this.figure = document.createElement("figure");
    this.figure.className = "chart";
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.host = document.createElement("div");
    this.host.className = "chart-canvas";
    this.legend = document.createElement("div");
    this.legend.className = "legend";
    this.figure.append(caption, this.host, this.legend);
    root.append(this.figure);
    new ResizeObserver(() => this.#resize()).observe(this.host);
    new IntersectionObserver(([entry]) => this.#appear(entry.isIntersecting), { rootMargin: "200px" }).observe(this.figure);
    open.add(this);
  }

  /** @param {Line[]} lines */
  show(lines, marks = this.marks) {
    if (lines.length !== this.lines.length || lines.some((line, at) => line.label !== this.lines[at].label)) this.#rebuild = true;
    this.lines = lines;
    this.marks = marks;
    this.redraw();
  }

  set({ smoothing = this.smoothing, log = this.log, range = this.range }) {
    this.#rebuild ||= log !== this.log;
    Object.assign(this, { smoothing, log, range });
    this.redraw();
  }

  /** Soon: only what is on the screen is drawn. */
  redraw({ rebuild = false } = {}) {
    this.#rebuild ||= rebuild;
    this.#dirty = true;
    if (this.#visible) this.#draw();
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
    const whole = { min: steps[0] ?? 0, max: steps.at(-1) ?? 1 };
    const { min, max } = this.range ?? whole;
    this.#plot.setScale("x", { min, max: max > min ? max : min + 1 });
    this.#tellValues();
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
    const ink = this.#colour("--text-soft");
    const axis = { stroke: ink, grid: { stroke: this.#colour("--line"), width: 1 }, ticks: { show: false }, font: "12px Inter, sans-serif" };
    this.#plot = new uPlot({
      width: Math.max(this.host.clientWidth, 100),
      height: HEIGHT,
      legend: { show: false },
      cursor: {
        sync: { key: this.sync, setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        bind: { dblclick: () => () => this.onZoom(null) },
      },
      scales: { x: { time: false, auto: false }, y: { distr: this.log ? 3 : 1 } },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map((step) => (Number.isInteger(step) ? compact.format(step) : "")) },
        { ...axis, size: 62, values: (_, splits) => splits.map(sayTick) },
      ],
      series: [{}, ...this.#series()],
      hooks: {
        setSelect: [(plot) => this.#select(plot)],
        setCursor: [() => this.#tellValues()],
        draw: [(plot) => this.#mark(plot, ink)],
      },
    }, data, this.host);
    const canvas = this.#plot.ctx.canvas;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${this.title}: ${this.lines.map((line) => line.label).join(", ")}. The values are in the table below.`);
    this.#writeLegend();
  }

  #series() {
    return this.lines.flatMap((line, at) => {
      const stroke = this.#colour(`--chart-${(at % COLOURS) + 1}`);
      const dash = at >= COLOURS ? [6, 3] : undefined;
      const points = { show: () => this.lines[at].steps.length < FEW_POINTS, size: 5, fill: stroke };
      const main = { label: line.label, stroke, width: 1.75, dash, show: !this.#hidden.has(line.label), points };
      return this.smoothing ? [{ ...main, width: 1, alpha: 0.25, points: { show: false } }, main] : [main];
    });
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 5) return;
    const range = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onZoom(range);
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

  #writeLegend() {
    this.legend.replaceChildren(...this.lines.map((line, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "legend-item";
      button.setAttribute("aria-pressed", String(!this.#hidden.has(line.label)));
      button.style.setProperty("--hue", `var(--chart-${(at % COLOURS) + 1})`);
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
    const at = plot.cursor.idx ?? plot.data[0].length - 1;
    const stride = this.smoothing ? 2 : 1;
    this.lines.forEach((line, number) => {
      const column = plot.data[stride * number + stride] ?? [];
      let place = at;
      while (place > 0 && (column[place] === undefined || column[place] === null)) place -= 1;
      this.legend.children[number].lastChild.textContent = say(column[place], line.how);
    });
  }

  #resize() {
    const width = this.host.clientWidth;
    if (this.#plot && width && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  #colour(name) {
    this.host.style.color = `var(${name})`;
    const found = getComputedStyle(this.host).color;
    this.host.style.color = "";
    return found;
  }
}

function sayTick(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential().replace(/(\.\d)\d+/, "$1") : String(Number(value.toPrecision(6)));
}

const repaint = () => open.forEach((chart) => chart.redraw({ rebuild: true }));
dark.addEventListener("change", repaint);
new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
