// The page of a run: what the socket tells goes into charts, console and numbers; what happened is asked for again.
import { ask, copyText, notify, offerSignIn } from "./page.js";
import { pageHeardAt, serverNow, setClock, tellAges } from "./clock.js";
import { Console } from "./console.js";
import { fetchPage } from "./fresh.js";
import { Live } from "./live.js";
import { Metrics } from "./metrics.js";
import { Outcome } from "./outcome.js";
import { takeParts } from "./parts.js";
import { openViewer } from "./viewer.js";
import { say, sayDuration, sayPace, sayTime, sayUtc } from "./wording.js";

const REFRESH_MS = 700; // between two looks at what happened
const SILENT_MS = 15_000; // then the evidence is asked for again, and the place in the queue
const ENDED_MS = 30_000; // somebody may resume it elsewhere

const root = document.getElementById("run");
const run = root.dataset.run;
const attempt = Number(root.dataset.attempt);
const find = (id) => document.getElementById(id);

export const metrics = new Metrics(run, {
  attempt,
  root: find("charts"),
  table: find("values"),
  onZoom: (range) => { root.querySelector('[data-act="reset-zoom"]').disabled = range === null; },
  onTrouble: (error) => notify(`The numbers cannot be read: ${error.message}`, "error"),
});
const output = new Console(run, attempt);
const outcome = new Outcome(run, find("outcome"));
const live = new Live(run, {
  onFrames: take,
  onState: hearState,
  onRestart: () => { output.clear(); metrics.load(); },
});

let loaded = false;
let standing = ["", undefined];
let refreshing = null;
let refreshedAt = Date.now();
let stale = false;

// What comes by the socket

function take(frames) {
  if (!loaded) {
    loaded = true;
    metrics.load();
  }
  const of = (kind) => frames.filter((frame) => frame.event_type === kind);
  const rows = of("metrics").filter((frame) => !frame.snapshot).map((frame) => frame.data);
  if (rows.length) metrics.append(rows);
  const logs = of("log");
  if (logs.length) output.append(logs);
  tellNumbers(of("metrics"));
  const pace = of("status").map((frame) => frame.data.progress).filter(Boolean).at(-1);
  if (pace) tellPace(pace);
  const beat = frames.filter(isBeat).at(-1);
  if (beat) tellHeard(beat.timestamp);
  if (of("status").some(isNews) || of("checkpoint").some(isUnknown) || logs.some(isNote)) refresh();
}

const isUnknown = ({ data }) => !root.querySelector(`[data-checkpoint="${CSS.escape(data.filename)}"]`);

/** Whether more than the pace has changed, since the page was written. */
function isNews({ data, snapshot }) {
  return snapshot ? data.event_seq !== Number(root.dataset.eventSeq) : data.event !== "progress";
}

const isNote = ({ data }) => data.source === "note";

/** What the training itself says, at the time at which it said it. */
function isBeat({ event_type: kind, data, snapshot }) {
  return !snapshot && (kind === "metrics" || (kind === "status" && data.event === "progress"));
}

function tellNumbers(frames) {
  const newest = Object.assign({}, ...frames.map((frame) => frame.data.series));
  let unknown = false;
  for (const [name, value] of Object.entries(newest)) {
    const places = root.querySelectorAll(`[data-part=numbers] [data-series="${CSS.escape(name)}"]`);
    unknown ||= !places.length && !name.startsWith("system/") && root.dataset.engine !== "forecast";
    places.forEach((place) => { place.textContent = say(value, place.dataset.say); });
  }
  if (unknown) refresh();
}

function tellPace(progress) {
  const bar = find("progress");
  if (bar) bar.value = progress.fraction;
  find("pace")?.replaceChildren(...sayPace(progress).map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  find("eta").textContent = sayDuration(progress.eta_s);
}

function tellHeard(at) {
  const heartbeat = root.querySelector("[data-heartbeat]");
  if (!heartbeat || heartbeat.dataset.since > at) return;
  heartbeat.dataset.since = at;
}

const STATES = {
  live: () => "Live",
  ended: () => "",
  paused: () => "Paused",
  connecting: () => "Connecting",
  "signed-out": () => "Signed out",
};

function hearState(state, detail) {
  standing = [state, detail];
  tellState();
  if (state === "signed-out") offerSignIn({ once: true });
  if (state === "ended" && stale) refresh();
}

function tellState() {
  const [state, detail] = standing;
  const place = find("live");
  place.dataset.state = state;
  place.title = state === "reconnecting" ? sayUtc(detail) : "";
  if (state === "reconnecting") place.textContent = `Reconnecting since ${sayTime(detail)}`;
  else place.textContent = (STATES[state] ?? (() => detail ?? ""))();
}

// What happened: the page is asked for again, and the parts that differ are taken over

function refresh() {
  stale = true;
  refreshing ??= new Promise((resolve) => { setTimeout(resolve, Math.max(refreshedAt + REFRESH_MS - Date.now(), 0)); })
    .then(takeOver)
    .catch(({ status }) => { if (status !== 401) setTimeout(refresh, 3000); }) // the server is away: once it is back
    .finally(() => { refreshing = null; if (stale) refresh(); });
}

async function takeOver() {
  stale = false;
  refreshedAt = Date.now();
  const page = await fetchPage(location.pathname, { once: true });
  document.title = page.title;
  const { dataset } = page.getElementById("run");
  setClock(dataset.now);
  takeParts(root, page);
  Object.assign(root.dataset, dataset);
  settle();
  if (isActive()) live.again();
  else live.doubt(); // it has ended: a socket that has not told so may be dead
}

const isActive = () => ["pending", "running"].includes(root.querySelector("[data-part=head]").dataset.status);

/** What the server's text leaves to the script. */
function settle() {
  const pace = find("pace");
  if (pace) tellPace(JSON.parse(pace.dataset.progress));
  tellAges(root);
  tellState();
  outcome.look();
}

// What a person does

const ACTS = {
  "ask-cancel": () => find("cancel-dialog").showModal(),
  "ask-resume": () => find("resume-dialog").showModal(),
  close: (button) => button.closest("dialog").close(),
  cancel: async (button) => {
    button.closest("dialog").close();
    await ask(`/runs/${run}/cancel`, { method: "POST" });
    refresh();
  },
  edit: () => { find("labels").hidden = false; find("label-name").select(); },
  "edit-cancel": () => { find("labels").hidden = true; find("labels").reset(); },
  "reset-zoom": () => metrics.zoom(null),
  trades: ({ dataset }) => outcome.turnTo(Number(dataset.page)),
  view: ({ dataset }) => openViewer(run, dataset.name, dataset.way),
  copy: async (button) => {
    await copyText(find(button.dataset.from).textContent);
    notify("Copied.");
  },
};

root.addEventListener("click", act);
find("viewer").addEventListener("click", act);

async function act({ target }) {
  const button = target.closest("[data-act]");
  if (!button) return;
  try {
    await ACTS[button.dataset.act](button);
  } catch (error) {
    notify(error.message, "error");
  }
}

root.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!SENDERS[form.id]) return;
  event.preventDefault();
  try {
    await SENDERS[form.id](new FormData(form));
    form.closest("dialog")?.close();
    if (form.id === "labels") form.hidden = true;
    refresh();
  } catch (error) {
    form.querySelector(".error").textContent = error.message;
  }
});

const SENDERS = {
  labels: (given) => ask(`/runs/${run}`, {
    method: "PATCH",
    body: { name: given.get("name"), tags: given.get("tags").split(/\s+/).filter(Boolean), notes: given.get("notes") },
  }),
  "resume-form": (given) => ask(`/runs/${run}/resume`, {
    method: "POST",
    body: Object.fromEntries([...given].filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)])),
  }),
};

find("smoothing").addEventListener("input", ({ target }) => metrics.set({ smoothing: Number(target.value) }));
find("log-scale").addEventListener("change", ({ target }) => metrics.set({ log: target.checked }));
find("values").addEventListener("toggle", () => metrics.tellTable());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
document.addEventListener("signed-in", () => { metrics.load(); refresh(); });

setClock(root.dataset.now, pageHeardAt());
settle();
live.start();
setInterval(() => {
  tellAges(root);
  const heartbeat = root.querySelector("[data-heartbeat]");
  if (document.hidden || (heartbeat && serverNow() - Date.parse(heartbeat.dataset.since) < SILENT_MS)) return;
  if (Date.now() - refreshedAt > (isActive() ? SILENT_MS : ENDED_MS)) refresh();
}, 1000);
