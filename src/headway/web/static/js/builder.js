// The builder: steps, the draft behind them, and the start. It knows fields by their data attributes alone.

import { Answers } from "./answers.js";
import { showDataset, upload } from "./dataset_chart.js";
import { change, findDraft, forget, keep, listDrafts, makeDraft, markSent, setAt, takeNewKey } from "./draft.js";
import { listErrors, markSteps, showFaults } from "./faults.js";
import { addPair } from "./fields.js";
import { ask, notify } from "./page.js";
import { Checker, prepareSummary } from "./summary.js";

const ARMING_MS = 500; // where Continue was, Start is not pressed by the second of two clicks

const root = document.getElementById("builder");
const { kind, address, idField, cloned } = root.dataset;
const beginWith = JSON.parse(root.dataset.beginWith);
const form = document.getElementById("draft");
const buttons = Object.fromEntries(["continue", "start", "back", "discard"].map((id) => [id, document.getElementById(id)]));
const sections = [...form.querySelectorAll("[data-step]")];
const steps = sections.map((section) => section.dataset.step);
const touched = new Set();
const seen = new Set();
const query = new URLSearchParams(location.search);
const draft = openDraft();
const answers = new Answers(root, form, draft.request);
const { fields, timeframes } = answers;
const checker = new Checker(() => ({ kind, request: draft.request }), tell);
let step = steps[0];
let last = { faults: [] };
let going = false;
let starting = false;

// --- The draft -------------------------------------------------------------------------------------------------

/** The draft of the address; else a new one. One in which nothing was done is not kept, but has its address too. */
function openDraft() {
  const id = query.get("draft");
  const found = id === null ? null : findDraft(id);
  if (found?.kind === kind) return found;
  const made = makeDraft(kind, beginWith, id !== null && history.state?.draft === id ? id : undefined);
  if (cloned) keep(made);
  return made;
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

function changed() {
  if (!change(draft)) notify("This browser keeps no drafts: do not reload.", "error");
  sayStanding();
  checker.soon();
}

form.addEventListener("input", ({ target }) => {
  const element = target.closest("[data-field]");
  if (!element || "upload" in target.dataset) return;
  if ("otherText" in target.dataset) element.querySelector("[data-other]").checked = true;
  answers.take(element);
  if (element.dataset.widget === "dataset") chooseDataset(target);
  if (element.dataset.widget === "presets" || element === timeframes || "ownSwitch" in target.dataset) answers.showAll();
  else answers.showDifferences();
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
  else if (target.closest("[data-restore]")) {
    answers.restorePreset();
    changed();
  } else if (target.closest("[data-remove]")) {
    target.closest("[data-pair]").remove();
    answers.take(element);
    element.querySelector("[data-add]").focus();
    changed();
  }
});

/** Candles bring their own timeframe along where none was chosen. */
function chooseDataset(target) {
  const element = target.closest("[data-field]");
  showDataset(element, target.dataset.filename);
  if (!timeframes || !target.dataset.timeframe || answers.chosenTimeframes().length) return;
  setAt(draft.request, timeframes.dataset.field, [target.dataset.timeframe]);
  answers.showAll();
}

function tell(answer) {
  last = answer;
  showFaults(answer.faults, fields, touched);
  markSteps(answer.faults, seen);
  answers.limitTimeframes(answer.unavailable);
  if (!document.getElementById("errors").hidden) listErrors(answer.faults.filter((fault) => fault.step === step), fields);
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
  if (atEnd && !buttons.continue.hidden && focus) arm();
  buttons.continue.hidden = atEnd;
  buttons.start.hidden = !atEnd;
  buttons.back.hidden = step === steps[0];
  listErrors([], fields);
  markSteps(last.faults, seen);
  if (!focus) return;
  document.getElementById(`step-${step}`).focus();
  scrollTo({ top: 0 });
}

/** Start can be pressed a moment after it has come. */
function arm() {
  buttons.start.disabled = true;
  setTimeout(() => (buttons.start.disabled = starting), ARMING_MS);
}

function go(name) {
  leave();
  history.pushState({ draft: draft.id }, "", addressOf(name));
  show(name);
}

/** From now on, what is wrong on this step is told. */
function leave() {
  seen.add(step);
  for (const element of sections.find((section) => section.dataset.step === step).querySelectorAll("[data-field]")) touched.add(element.dataset.field);
  showFaults(last.faults, fields, touched);
}

/** One step, however often it is asked for before the server has answered. */
async function goOn() {
  if (going) return;
  going = true;
  const from = step;
  leave();
  try {
    const { faults } = await checker.now();
    if (step !== from) return;
    const here = faults.filter((fault) => fault.step === step);
    if (here.length) listErrors(here, fields, { focus: true });
    else go(steps[steps.indexOf(step) + 1]);
  } catch (error) {
    if (error.status !== 401) notify(`The server could not be asked: ${error.message}. The draft is kept.`, "error");
  } finally {
    going = false;
  }
}

async function start() {
  if (buttons.start.disabled) return;
  starting = buttons.start.disabled = true;
  try {
    for (const name of steps) seen.add(name);
    for (const path of fields.keys()) touched.add(path);
    const { faults } = await checker.now();
    if (faults.length) refuse(faults);
    else await post();
  } catch (error) {
    if (error.status !== 401) listErrors([{ text: error.message, link: error.link }], fields, { focus: true });
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
  markSent(draft);
  try {
    const created = await ask(address, { method: "POST", body: draft.request, headers: { "Idempotency-Key": draft.key } });
    draft.startedAs = created[idField];
  } catch (error) {
    throw explain(error);
  }
  keep(draft);
  location.assign(`/ui/runs/${encodeURIComponent(draft.startedAs)}`);
  await new Promise(() => {}); // the button stays as it is until the page is left
}

/** What no answer means for the draft, and what one that says that the key was used. */
function explain(error) {
  const { status, found, message } = error;
  if (status === undefined) return new Error(`No answer: ${message}. The run may have started: Start asks for the same one again, a change makes another.`);
  if (found?.error !== "idempotency_conflict") return error;
  takeNewKey(draft);
  keep(draft);
  const text = "Before it was changed, this draft was started. Start makes another run, of what is here now.";
  return Object.assign(new Error(text), { status, link: { href: `/ui/runs/${encodeURIComponent(found.jobId)}`, text: "The run that was started" } });
}

// Where a step begins, Enter goes on: nothing there can be pressed.
// Held down, it goes on once.
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.matches("textarea")) return;
  if (event.repeat) event.preventDefault();
  else if (event.target.matches("h2")) form.requestSubmit();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (step === steps.at(-1)) start();
  else goOn();
});
// The second of two clicks was meant for the step before.
buttons.continue.addEventListener("click", (event) => event.detail > 1 && event.preventDefault());
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
document.addEventListener("signed-in", () => checker.soon());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

history.replaceState({ draft: draft.id }, "", addressOf(steps.includes(query.get("step")) ? query.get("step") : steps[0]));
prepareSummary(checker);
answers.showAll();
show(new URLSearchParams(location.search).get("step"), { focus: false });
sayStanding();
checker.now().catch(() => {});
const chosen = form.querySelector("[data-datasets] input:checked");
if (chosen) showDataset(chosen.closest("[data-field]"), chosen.dataset.filename);
