// The page of a run: what the socket tells goes into charts, console and numbers; what happened is asked for again.
import { ask, localise, notify, offerSignIn } from "./page.js";
import { Console } from "./console.js";
import { Live } from "./live.js";
import { Metrics } from "./metrics.js";
import { Outcome } from "./outcome.js";
import { openViewer } from "./viewer.js";
import { say, sayAge, sayDuration, sayPace, sayTime } from "./wording.js";

const REFRESH_MS = 700; // between two looks at what happened
const SILENT_MS = 15_000; // then the evidence is asked for again

const root = document.getElementById("run");
const run = root.dataset.run;
const attempt = Number(root.dataset.attempt);
const find = (id) => document.getElementById(id);

export const metrics = new Metrics(run, {
  attempt,
  root: find("charts"),
  table: find("values"),
  onZoom: (range) => { root.querySelector('[data-act="reset-zoom"]').disabled = range === null; },
});
const output = new Console(run, attempt);
const outcome = new Outcome(run, find("outcome"));
const live = new Live(run, {
  onFrames: take,
  onState: tellState,
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
    metrics.load().catch((error) => notify(error.message, "error"));
  }
  const of = (kind) => frames.filter((frame) => frame.event_type === kind);
  const rows = of("metrics").filter((frame) => !frame.snapshot).map((frame) => frame.data);
  if (rows.length) metrics.append(rows);
  const logs = of("log");
  if (logs.length) output.append(logs);
  tellNumbers(of("metrics"));
  const pace = of("status").map((frame) => frame.data.progress).filter(Boolean).at(-1);
  if (pace) tellPace(pace);
  const newest = frames.filter((frame) => !frame.snapshot).at(-1);
  if (newest) tellHeard(newest.timestamp);
  if (of("status").some(isNews) || of("checkpoint").some(isUnknown)) refresh();
}

const isUnknown = ({ data }) => !root.querySelector(`[data-checkpoint="${CSS.escape(data.filename)}"]`);

/** Whether more than the pace has changed. */
function isNews({ data, snapshot }) {
  if (!snapshot) return data.event !== "progress";
  return data.status !== root.querySelector("[data-part=head]").dataset.status;
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

function tellAges() {
  for (const element of root.querySelectorAll("[data-since]")) {
    const text = sayAge(element.dataset.since);
    if (element.textContent !== text) element.textContent = text;
  }
}

const STATES = {
  live: () => "Live",
  ended: () => "",
  paused: () => "Paused",
  connecting: () => "Connecting",
  "signed-out": () => "Signed out",
};

function tellState(state, detail) {
  standing = [state, detail];
  const place = find("live");
  place.dataset.state = state;
  if (state === "reconnecting") place.textContent = `Reconnecting since ${sayTime(detail)}`;
  else place.textContent = (STATES[state] ?? (() => detail ?? ""))();
  if (state === "signed-out") offerSignIn();
  if (state === "ended" && stale) refresh();
}

// What happened: the page is asked for again, and the parts that differ are taken over

function refresh() {
  stale = true;
  refreshing ??= new Promise((resolve) => { setTimeout(resolve, Math.max(refreshedAt + REFRESH_MS - Date.now(), 0)); })
    .then(takeOver)
    .catch(() => { setTimeout(refresh, 3000); }) // the server is away: once it is back
    .finally(() => { refreshing = null; if (stale) refresh(); });
}

async function takeOver() {
  stale = false;
  refreshedAt = Date.now();
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (answer.status === 401) offerSignIn();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = page.title;
  page.querySelectorAll("[data-part]").forEach(takePart);
  root.dataset.attempt = page.getElementById("run").dataset.attempt;
  settle();
  if (["pending", "running"].includes(page.querySelector("[data-part=head]").dataset.status)) live.again();
}

const sources = new Map(); // what each part was made from

/** A part that is as it was, or that somebody is typing in, stays. */
function takePart(fresh) {
  const old = root.querySelector(`[data-part="${fresh.dataset.part}"]`);
  const busy = old.querySelector("dialog[open], form:not([hidden]) :focus");
  localise(fresh); // as the page was when it was opened: what is the same is not drawn anew
  const source = fresh.innerHTML;
  if ((sources.get(old) ?? old.innerHTML) === source || busy) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  sources.set(old, source);
  old.replaceChildren(...fresh.childNodes);
  Object.assign(old.dataset, fresh.dataset);
  if (focused) old.querySelector(`[data-act="${focused}"]`)?.focus();
}

/** What the server's text leaves to the script. */
function settle() {
  const pace = find("pace");
  if (pace) tellPace(JSON.parse(pace.dataset.progress));
  tellAges();
  tellState(...standing);
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
    await navigator.clipboard.writeText(find(button.dataset.from).textContent);
    notify("Copied");
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

settle();
live.start();
setInterval(() => {
  tellAges();
  const heartbeat = root.querySelector("[data-heartbeat]");
  const silent = heartbeat && Date.now() - Date.parse(heartbeat.dataset.since) > SILENT_MS;
  if (silent && !document.hidden && Date.now() - refreshedAt > SILENT_MS) refresh();
}, 1000);
