// Runs side by side: a chart for each metric with a line for each run; as a table and as a picture to keep.
import { ask, notify } from "./page.js";
import { Chart } from "./charts.js";
import { wordingOf } from "./wording.js";

const POINTS = 1000;
const root = document.getElementById("compare");
const ids = root.dataset.ids.split(",");
const names = [...root.querySelectorAll("[data-name]")].map((row) => row.dataset.name);
const labels = names.map((name, at) => (names.indexOf(name) === at ? name : `${name} (${ids[at]})`));
const find = (id) => document.getElementById(id);

/** @type {Map<string, Chart>} */
const charts = new Map();
let compared = null;

for (const swatch of root.querySelectorAll(".swatch")) swatch.style.setProperty("--hue", `var(--chart-${swatch.dataset.chart})`);

async function load() {
  compared = await ask(`/runs/compare?${new URLSearchParams({ ids: ids.join(","), points: POINTS })}`);
  const metrics = Object.entries(compared.metrics).sort(([a], [b]) => order(a) - order(b) || a.localeCompare(b));
  if (metrics.length) find("no-charts").remove();
  for (const [name, { steps, values }] of metrics) {
    const chart = new Chart(find("charts"), { title: name, sync: "compare", onZoom: zoom });
    chart.show(values.map((column, at) => ({ label: labels[at], how: wordingOf(name), ...known(steps, column) })), []);
    charts.set(name, chart);
  }
  find("export-csv").disabled = find("export-png").disabled = !metrics.length;
}

const equity = { runs: root.dataset.withEquity.split(",").filter(Boolean), chart: null, turn: 0 };

/** The agents of PPO runs, each over its own test window. */
async function loadEquity(range = null) {
  if (!equity.runs.length) return;
  const turn = ++equity.turn;
  const span = range ? { from: range.min, to: range.max } : {};
  const curves = await Promise.all(equity.runs.map((id) => ask(`/ui/runs/${id}/equity.json?${new URLSearchParams(span)}`)));
  if (turn !== equity.turn) return;
  equity.chart ??= new Chart(find("equity"), { title: "Agents: change since the start", sync: "equity", x: "time", y: "share", wide: true, onZoom: showEquity });
  equity.chart.show(curves.map(({ at_s, agent }, at) => {
    const place = ids.indexOf(equity.runs[at]);
    return { label: labels[place], hue: place, how: "share", bare: true, steps: at_s, values: agent.map((value) => value - 1) };
  }), []);
  equity.chart.set({ range });
  find("reset-equity").disabled = range === null;
}

const showEquity = (range) => loadEquity(range).catch((error) => notify(error.message, "error"));

const order = (name) => (name.endsWith("loss") ? 0 : name.startsWith("system/") ? 2 : 1);

/** A run's own steps. */
function known(steps, values) {
  const places = values.flatMap((value, at) => (value === null ? [] : [at]));
  return { steps: places.map((at) => steps[at]), values: places.map((at) => values[at]) };
}

function set(options) {
  charts.forEach((chart) => chart.set(options));
}

function zoom(range) {
  find("reset-zoom").disabled = range === null;
  set({ range });
}

/** Metric, step, and a column for each run. */
function toCsv() {
  const rows = [["metric", "step", ...labels]];
  for (const [name, { steps, values }] of Object.entries(compared.metrics)) {
    steps.forEach((step, at) => rows.push([name, step, ...values.map((column) => column[at] ?? "")]));
  }
  return rows.map((row) => row.map(quote).join(",")).join("\r\n");
}

/** A text that a spreadsheet would take for a formula is kept a text. */
function quote(cell) {
  const text = typeof cell === "string" && /^[=+\-@\t]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** All charts below one another, with their names and legends. */
async function toPicture() {
  const shown = [...charts].map(([name, chart]) => [name, chart.paint()]);
  await new Promise(requestAnimationFrame);
  const scale = devicePixelRatio;
  const style = getComputedStyle(document.body);
  const width = Math.max(...shown.map(([, canvas]) => canvas.width));
  const head = 28 * scale;
  const foot = 24 * scale * labels.length;
  const picture = document.createElement("canvas");
  picture.width = width;
  picture.height = shown.reduce((sum, [, canvas]) => sum + canvas.height + head, foot + 8 * scale);
  const ink = picture.getContext("2d");
  ink.fillStyle = getComputedStyle(root.querySelector(".card")).backgroundColor;
  ink.fillRect(0, 0, picture.width, picture.height);
  ink.font = `600 ${13 * scale}px Inter, sans-serif`;
  let top = 0;
  for (const [name, canvas] of shown) {
    ink.fillStyle = style.color;
    ink.fillText(name, 8 * scale, top + 20 * scale);
    ink.drawImage(canvas, 0, top + head);
    top += canvas.height + head;
  }
  const swatches = [...root.querySelectorAll(".swatch")];
  labels.forEach((label, at) => {
    ink.fillStyle = getComputedStyle(swatches[at]).backgroundColor;
    ink.fillRect(8 * scale, top + (24 * at + 12) * scale, 16 * scale, 4 * scale);
    ink.fillStyle = style.color;
    ink.fillText(label, 32 * scale, top + (24 * at + 18) * scale);
  });
  return new Promise((resolve) => { picture.toBlob(resolve, "image/png"); });
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

find("export-csv").addEventListener("click", () => save(new Blob([toCsv()], { type: "text/csv" }), "compare.csv"));
find("export-png").addEventListener("click", async () => save(await toPicture(), "compare.png"));
find("smoothing").addEventListener("input", ({ target }) => set({ smoothing: Number(target.value) }));
find("log-scale").addEventListener("change", ({ target }) => set({ log: target.checked }));
find("reset-zoom").addEventListener("click", () => zoom(null));
find("reset-equity")?.addEventListener("click", () => showEquity());
showEquity();
load().catch((error) => notify(error.message, "error"));
