// Candles: their prices and findings, and how a file of them is added.

import { load, localise, notify, readToken } from "./page.js";
import { labelTimes, sayMoment } from "./ticks.js";
import { sayNumber, sayUtc } from "./wording.js";

const HEIGHT = 180;
let drawn = null;

/** Show the candles of a file below the list. */
export async function showDataset(element, filename) {
  const place = element.querySelector("[data-look]");
  place.dataset.of = filename ?? "";
  if (!filename) {
    place.replaceChildren();
    return;
  }
  const address = `/ui/new/dataset?filename=${encodeURIComponent(filename)}`;
  const html = await load(address).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  if (html === null || place.dataset.of !== filename) return; // the check tells that the server is away
  place.innerHTML = html; // rendered, and escaped, by the server
  localise(place);
  const chart = place.querySelector(".chart");
  if (chart) draw(chart);
}

/** A line of prices over time. */
function draw(chart) {
  const { color } = getComputedStyle(chart);
  const soft = getComputedStyle(chart.parentElement.querySelector("figcaption")).color;
  const line = getComputedStyle(chart).borderTopColor;
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px Inter, sans-serif" };
  const options = {
    width: chart.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    series: [{}, { stroke: color, width: 1.5, points: { show: false } }],
    axes: [{ ...axis, values: (_plot, splits, _axis, _space, apart_s) => labelTimes(splits, apart_s) }, { ...axis, size: 64 }],
    hooks: { setCursor: [(plot) => tellBar(chart.parentElement.querySelector("[data-when]"), plot)] },
  };
  drawn?.destroy();
  drawn = new uPlot(options, [JSON.parse(chart.dataset.times), JSON.parse(chart.dataset.closes)], chart);
  new ResizeObserver(() => chart.clientWidth && drawn.setSize({ width: chart.clientWidth, height: HEIGHT })).observe(chart);
}

/** The bar under the pointer: local time, with UTC on hover. */
function tellBar(place, { data: [times, closes], cursor: { idx } }) {
  const isThere = idx !== null && idx !== undefined;
  place.textContent = isThere ? `${sayMoment(times[idx])}: ${sayNumber(closes[idx])}` : "";
  place.title = isThere ? sayUtc(times[idx] * 1000) : "";
}

/** Send a file; then list what there is, and choose it. */
export async function upload(element, file) {
  const bar = element.querySelector("[data-upload-progress]");
  const known = [...element.querySelectorAll("[data-filename]")].some(({ dataset }) => dataset.filename === file.name);
  if (known && !confirm(`${file.name} is there already. Replace it? Runs that wait will train on the new one.`)) {
    element.querySelector("[data-upload]").value = "";
    return;
  }
  bar.hidden = false;
  try {
    await send(file, (share) => (bar.value = share));
    await listAgain(element);
    const found = [...element.querySelectorAll('input[type="radio"]')].find((radio) => radio.value === file.name);
    found?.click();
    notify(`${file.name} is there.`);
  } catch (error) {
    notify(`${file.name} was not added: ${error.message}`, "error", 12_000);
  } finally {
    bar.hidden = true;
    element.querySelector("[data-upload]").value = "";
  }
}

function send(file, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/datasets/${encodeURIComponent(file.name)}`);
    request.setRequestHeader("x-csrf-token", readToken());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => event.total && tell(event.loaded / event.total));
    request.addEventListener("error", () => reject(new Error("the server does not answer")));
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new Error(messageOf(request)))));
    request.send(file);
  });
}

function messageOf(request) {
  try {
    return JSON.parse(request.responseText).message;
  } catch {
    return request.statusText;
  }
}

async function listAgain(element) {
  const answer = await load(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(element.id)?.querySelector("[data-datasets]");
  if (fresh) element.querySelector("[data-datasets]").replaceWith(document.adoptNode(fresh));
}
