// The builder: steps, the draft behind them, and the start. It knows fields by their data attributes alone.

import { showDataset, upload } from "./dataset_chart.js";
import { change, entriesAt, findDraft, forget, keep, listDrafts, makeDraft, setAt, setEntriesAt, valueAt } from "./draft.js";
import { listErrors, markSteps, showFaults } from "./faults.js";
import { addPair, isSame, readField, writeField } from "./fields.js";
import { ask, notify } from "./page.js";
import { Checker, prepareSummary } from "./summary.js";

const root = document.getElementById("builder");
const { kind, address, idField, preset, cloned } = root.dataset;
const defaults = JSON.parse(root.dataset.defaults);
const beginWith = JSON.parse(root.dataset.beginWith);
const form = document.getElementById("draft");
const buttons = Object.fromEntries(["continue", "start", "back", "discard"].map((id) => [id, document.getElementById(id)]));
const sections = [...form.querySelectorAll("[data-step]")];
const steps = sections.map((section) => section.dataset.step);
const fields = new Map([...form.querySelectorAll("[data-field]")].map((element) => [element.dataset.field, element]));
const timeframes = form.querySelector('[data-from-data][data-widget="checks"]');
const touched = new Set();
const seen = new Set();
const query = new URLSearchParams(location.search);
const draft = openDraft();
const checker = new Checker(() => ({ kind, request: draft.request }), tell);
let step = steps[0];
let last = { faults: [] };
let starting = false;

// --- The draft -------------------------------------------------------------------------------------------------

/** The draft of the address; else a new one. */
function openDraft() {
  const found = query.has("draft") ? findDraft(query.get("draft")) : null;
  return found?.kind === kind ? found : makeDraft(kind, beginWith);
}

/** Where the draft stands in the address, so that it is found after a reload. */
const addressOf = (name) => `/ui/new?${new URLSearchParams({ kind, draft: draft.id, step: name })}`;

function sayStanding() {
  const note = document.getElementById("draft-note");
  note.replaceChildren();
  const before = listDrafts().find((each) => each.edited && !each.startedAs && each.kind === kind && each.id !== draft.id);
  if (draft.startedAs) addLink(note, "Started as ", draft.startedAs, `/ui/runs/${encodeURIComponent(draft.startedAs)}`, ". Changes make a new run.");
  else if (draft.edited) note.textContent = "Draft kept in this browser";
  else if (cloned) note.textContent = `A copy of ${cloned}`;
  else if (query.has("draft") && query.get("draft") !== draft.id) note.textContent = "That draft is not in this browser: this is a new one.";
  else if (before) addLink(note, "There is ", "an unfinished draft", `/ui/new?${new URLSearchParams({ kind, draft: before.id })}`, ".");
}

function addLink(note, begin, text, href, end) {
  const link = Object.assign(document.createElement("a"), { href, textContent: text });
  note.append(begin, link, end);
}

// --- Fields ----------------------------------------------------------------------------------------------------

const presetNow = () => (preset ? (valueAt(draft.request, preset) ?? Object.values(defaults)[0][preset]) : "");
const defaultOf = (path) => defaults[presetNow()]?.[path];
const othersOf = (element) =>
  [...fields.values()]
    .filter((other) => other !== element && other.dataset.map === element.dataset.map && other.dataset.prefix.length > element.dataset.prefix.length)
    .map((other) => other.dataset.prefix);

function valueOf(path, element) {
  const { map, prefix } = element.dataset;
  if (map) return entriesAt(draft.request, map, prefix, othersOf(element));
  const own = valueAt(draft.request, path);
  const left = defaultOf(path);
  return element.dataset.widget === "weights" ? { ...left, ...own } : (own ?? left);
}

function takeValue(path, element) {
  const { map, prefix, widget } = element.dataset;
  let value = readField(element);
  if (map) return setEntriesAt(draft.request, map, prefix, othersOf(element), value);
  const left = path === preset ? undefined : defaultOf(path);
  if (widget === "weights") {
    const own = Object.entries(value).filter(([key, share]) => share !== left?.[key]);
    value = own.length ? Object.fromEntries(own) : undefined;
  }
  setAt(draft.request, path, isSame(value, left) ? undefined : value);
}

function showAll() {
  const names = timeframes ? (valueAt(draft.request, timeframes.dataset.field) ?? []) : [];
  for (const [path, element] of fields) writeField(element, valueOf(path, element), { names });
  showDifferences();
}

/** Which fields are not as the preset, or the server, would have them. */
function showDifferences() {
  let mixed = 0;
  for (const [path, element] of fields) {
    const place = element.querySelector("[data-differs]");
    const left = defaultOf(path);
    const own = valueAt(draft.request, path);
    const differs = left !== undefined && path !== preset && own !== undefined && !isSame(own, left);
    const varies = preset && new Set(Object.values(defaults).map((each) => JSON.stringify(each[path]))).size > 1;
    place.hidden = !differs;
    place.textContent = differs ? `${varies ? presetName() : "Default"}: ${say(left)}` : "";
    element.toggleAttribute("data-changed", differs);
    mixed += differs && varies ? 1 : 0;
  }
  const note = form.querySelector("[data-mixed]");
  if (note) {
    note.hidden = !mixed;
    note.querySelector("[data-mixed-text]").textContent = `${mixed} ${mixed === 1 ? "value differs" : "values differ"} from ${presetName()}`;
  }
}

const presetName = () => fields.get(preset).querySelector("input:checked")?.parentElement.querySelector("strong").textContent ?? "";
const say = (value) => (Array.isArray(value) ? value.join(", ") : typeof value === "object" ? Object.values(value).join(", ") : String(value));

/** Have all that the preset decides be as it says. */
function restorePreset() {
  for (const [path] of fields) {
    const varies = new Set(Object.values(defaults).map((each) => JSON.stringify(each[path]))).size > 1;
    if (path !== preset && varies) setAt(draft.request, path, undefined);
  }
  changed();
  showAll();
}

function changed() {
  if (!change(draft)) notify("This browser keeps no drafts: do not reload.", "error");
  sayStanding();
  checker.soon();
}

form.addEventListener("input", ({ target }) => {
  const element = target.closest("[data-field]");
  if (!element || "upload" in target.dataset) return;
  if ("otherText" in target.dataset) element.querySelector("[data-other]").checked = true;
  const path = element.dataset.field;
  takeValue(path, element);
  if (element.dataset.widget === "dataset") chooseDataset(target);
  if (path === preset || element === timeframes || "ownSwitch" in target.dataset) showAll();
  else showDifferences();
  changed();
});
form.addEventListener("focusout", ({ target }) => {
  const element = target.closest("[data-field]");
  if (!element) return;
  touched.add(element.dataset.field);
  showFaults(last.faults, fields, touched);
});
form.addEventListener("change", ({ target }) => {
  if ("upload" in target.dataset && target.files.length) upload(target.closest("[data-field]"), target.files[0]);
});
form.addEventListener("click", ({ target }) => {
  const element = target.closest("[data-field]");
  if (target.closest("[data-add]")) addPair(element).querySelector("input").focus();
  else if (target.closest("[data-restore]")) restorePreset();
  else if (target.closest("[data-remove]")) {
    target.closest("[data-pair]").remove();
    takeValue(element.dataset.field, element);
    element.querySelector("[data-add]").focus();
    changed();
  }
});

/** Candles bring their own timeframe along where none was chosen. */
function chooseDataset(target) {
  const element = target.closest("[data-field]");
  showDataset(element, target.dataset.filename);
  const path = timeframes?.dataset.field;
  if (!path || !target.dataset.timeframe || valueAt(draft.request, path)?.length) return;
  setAt(draft.request, path, [target.dataset.timeframe]);
  showAll();
}

/** Timeframes that the candles cannot give cannot be chosen; those chosen already can be given up. */
function limitTimeframes(unavailable) {
  for (const element of form.querySelectorAll("[data-from-data]")) {
    for (const option of element.querySelectorAll("option[value], input[type=checkbox]")) {
      option.disabled = option.value in unavailable && !option.checked;
      const label = option.closest("label");
      if (label) label.title = unavailable[option.value] ?? "";
    }
  }
  const place = timeframes?.querySelector("[data-reasons]");
  if (!place) return;
  const names = Object.keys(unavailable);
  place.hidden = !names.length;
  place.textContent = names.length ? `Not to be had: ${names.join(", ")}. ${unavailable[names[0]]}` : "";
}

function tell(answer) {
  last = answer;
  showFaults(answer.faults, fields, touched);
  markSteps(answer.faults, seen);
  limitTimeframes(answer.unavailable);
}

// --- Steps -----------------------------------------------------------------------------------------------------

function show(name, { focus = true } = {}) {
  step = steps.includes(name) ? name : steps[0];
  for (const section of sections) section.hidden = section.dataset.step !== step;
  for (const link of document.querySelectorAll("[data-to]")) {
    link.href = addressOf(link.dataset.to);
    if (link.dataset.to === step) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
  const atEnd = step === steps.at(-1);
  buttons.continue.hidden = atEnd;
  buttons.start.hidden = !atEnd;
  buttons.back.hidden = step === steps[0];
  listErrors([], fields);
  markSteps(last.faults, seen);
  if (!focus) return;
  document.getElementById(`step-${step}`).focus();
  scrollTo({ top: 0 });
}

function go(name) {
  leave();
  history.pushState(null, "", addressOf(name));
  show(name);
}

/** From now on, what is wrong on this step is told. */
function leave() {
  seen.add(step);
  for (const element of sections.find((section) => section.dataset.step === step).querySelectorAll("[data-field]")) touched.add(element.dataset.field);
  showFaults(last.faults, fields, touched);
}

async function goOn() {
  leave();
  try {
    const { faults } = await checker.now();
    const here = faults.filter((fault) => fault.step === step);
    if (here.length) listErrors(here, fields, { focus: true });
    else go(steps[steps.indexOf(step) + 1]);
  } catch (error) {
    if (error.status !== 401) notify(`The server could not be asked: ${error.message}. The draft is kept.`, "error");
  }
}

async function start() {
  if (starting) return;
  starting = buttons.start.disabled = true;
  try {
    for (const name of steps) seen.add(name);
    for (const path of fields.keys()) touched.add(path);
    const { faults } = await checker.now();
    if (faults.length) refuse(faults);
    else await post();
  } catch (error) {
    if (error.status !== 401) listErrors([{ text: error.message }], fields, { focus: true });
  } finally {
    starting = buttons.start.disabled = false;
  }
}

function refuse(faults) {
  if (faults[0].step !== step) go(faults[0].step);
  listErrors(faults, fields, { focus: true });
}

/** The key stays with the draft: sent twice, it makes one run. */
async function post() {
  const created = await ask(address, { method: "POST", body: draft.request, headers: { "Idempotency-Key": draft.key } });
  draft.startedAs = created[idField];
  keep(draft);
  location.assign(`/ui/runs/${encodeURIComponent(draft.startedAs)}`);
  await new Promise(() => {}); // the button stays as it is until the page is left
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (step === steps.at(-1)) start();
  else goOn();
});
buttons.back.addEventListener("click", () => go(steps[steps.indexOf(step) - 1]));
buttons.discard.addEventListener("click", () => {
  if (!confirm("Discard this draft?")) return;
  forget(draft.id);
  location.assign(`/ui/new?kind=${kind}`);
});
for (const link of document.querySelectorAll("[data-to]")) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    go(link.dataset.to);
  });
}
addEventListener("popstate", () => show(new URLSearchParams(location.search).get("step")));
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

history.replaceState(null, "", addressOf(steps.includes(query.get("step")) ? query.get("step") : steps[0]));
prepareSummary();
showAll();
show(new URLSearchParams(location.search).get("step"), { focus: false });
sayStanding();
checker.now().catch(() => {});
const chosen = form.querySelector("[data-datasets] input:checked");
if (chosen) showDataset(chosen.closest("[data-field]"), chosen.dataset.filename);
