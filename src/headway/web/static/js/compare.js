// Runs side by side: a chart for each metric with a line for each run; as a table and as a picture to keep.
import { ask, notify } from "./page.js";
import { Chart } from "./charts.js";
import { fetchPage, whileVisible } from "./fresh.js";
import { takeParts } from "./parts.js";
import { wordingOf } from "./wording.js";

const POINTS = 1000;
const EVERY_S = 4; // while a run goes on
const root = document.getElementById("compare");
const ids = root.dataset.ids.split(",");
const names = [...root.querySelectorAll("[data-name]")].map((row) => row.dataset.name);
const labels = names.map((name, at) => (names.indexOf(name) === at ? name : `${name} (${ids[at]})`));
const find = (id) => document.getElementById(id);

/** @type {Map<string, Chart>} */
const charts = new Map();
const options = { smoothing: 0, log: false, range: null };
let compared = null;

const isActive = () => "active" in root.dataset;

/** What the server's text leaves to the script. */
function settle() {
  for (const swatch of root.querySelectorAll(".swatch")) swatch.style.setProperty("--hue", `var(--chart-${swatch.dataset.chart})`);
  find("live").textContent = isActive() ? "Live" : "";
  find("live").dataset.state = isActive() ? "live" : "ended";
}

/** While a run goes on: how the runs stand by now, then their numbers, so that the last of them are not missed. */
async function renew() {
  if (!isActive()) return;
  const page = await fetchPage(location.href, { once: true });
  const newer = page.getElementById("compare");
  if (!newer) throw new Error("the server shows something else now: reload the page");
  takeParts(root, page);
  const ended = newer.dataset.withEquity !== root.dataset.withEquity;
  root.dataset.withEquity = newer.dataset.withEquity;
  await load();
  if (ended) await loadEquity(equity.range);
  if (!("active" in newer.dataset)) delete root.dataset.active;
  settle();
}

async function load() {
  compared = await ask(`/runs/compare?${new URLSearchParams({ ids: ids.join(","), points: POINTS })}`);
  const metrics = Object.entries(compared.metrics).sort(([a], [b]) => order(a) - order(b) || a.localeCompare(b));
  if (metrics.length) find("no-charts")?.remove();
  for (const [name, { steps, values }] of metrics) {
    if (!charts.has(name)) charts.set(name, new Chart(find("charts"), { title: name, sync: "compare", onZoom: zoom }));
    const chart = charts.get(name);
    chart.set(options);
    chart.show(values.map((column, at) => ({ label: labels[at], how: wordingOf(name), ...known(steps, column) })), []);
  }
  find("export-csv").disabled = find("export-png").disabled = !metrics.length;
}

const equity = { runs: [], chart: null, turn: 0, range: null };

/** The agents of PPO runs, each over its own test window. */
async function loadEquity(range = null) {
  equity.runs = root.dataset.withEquity.split(",").filter(Boolean);
  find("equity-section").hidden = !equity.runs.length;
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
  equity.range = range;
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

function set(changes) {
  Object.assign(options, changes);
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
find("reset-equity").addEventListener("click", () => showEquity());
settle();
showEquity();
whileVisible(EVERY_S, renew);
load().catch((error) => notify(error.message, "error"));
