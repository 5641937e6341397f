// The list of runs: filters without reloading, rows kept fresh, several runs acted upon, and the keyboard.

import { dayOf, fieldsOf, momentOf } from "./days.js";
import { fetchPage, whileVisible } from "./fresh.js";
import { ask, localise, notify } from "./page.js";

const EVERY_S = 3;
const TYPING_MS = 250;
const MOST_COMPARED = 20;
const FIXED = new Set(["created", "started", "finished", "name", "status", "progress"]);

const $ = (id) => document.getElementById(id);
const rows = () => [...document.querySelectorAll("#list tbody tr")];
const picked = () => rows().filter((row) => row.querySelector(".pick input").checked);
const idsOf = (some) => some.map((row) => row.id);
const named = (some) => new URLSearchParams({ ids: idsOf(some).join(","), metric: $("list").dataset.metric });
const nameOf = (some) => (some.length === 1 ? "1 run" : `${some.length} runs`);

// Looking: every list has an address, and back and forward lead through them.

let asked = 0;

/** Shows the list of an address. The form is taken over too, unless it is where the wish came from. */
async function show(address, { push = true, keepForm = false } = {}) {
  const turn = ++asked;
  const list = $("list");
  list.setAttribute("aria-busy", "true");
  try {
    const page = await fetchPage(address);
    if (turn !== asked) return; // a later wish overtook this one
    if (push) history.pushState(null, "", address);
    localise(page);
    list.replaceWith(page.getElementById("list"));
    if (!keepForm) {
      $("filters").replaceWith(page.getElementById("filters"));
      showDays();
    }
    sayPicked();
  } catch (error) {
    notify(`The list could not be loaded: ${error.message}`, "error");
  } finally {
    $("list").removeAttribute("aria-busy");
  }
}

/** The days of the form, as its moments tell them. */
function showDays() {
  for (const [day, moment] of fieldsOf($("filters"))) day.value = dayOf(day.dataset.moment, moment.value);
}

/** A day that was chosen becomes a moment. The stretch up to now and a first day are one choice. */
function takeDay(field) {
  const form = $("filters");
  const first = form.elements.created_from;
  for (const [day, moment] of fieldsOf(form)) if (day === field) moment.value = momentOf(day.dataset.moment, day.value);
  if (field.dataset.moment === "created_from" && first.value) form.elements.since.value = "";
  if (field.name === "since" && field.value) {
    first.value = "";
    showDays();
  }
}

/** The address that the form asks for, without what is empty. A list sorted by a metric goes with the metric. */
function wanted() {
  const given = new FormData($("filters"));
  if (given.has("sort") && !FIXED.has(given.get("sort"))) {
    given.set("sort", given.get("metric"));
    given.delete("metric");
  }
  const query = new URLSearchParams([...given].filter(([, value]) => value.trim())).toString();
  return query ? `/ui/runs?${query}` : "/ui/runs";
}

let typing = 0;
document.addEventListener("input", (event) => {
  if (!event.target.closest("#filters")) return;
  takeDay(event.target);
  clearTimeout(typing);
  typing = setTimeout(() => show(wanted(), { keepForm: true }), TYPING_MS);
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "filters") return;
  event.preventDefault();
  clearTimeout(typing);
  show(wanted(), { keepForm: true });
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("#list a[href^='/ui/runs?'], #list a[data-go]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.getAttribute("href"));
});
window.addEventListener("popstate", () => show(location.href, { push: false }));

// Fresh rows: what can change of a row is replaced, so that selection and focus stay.

async function refresh() {
  const active = rows().filter((row) => "active" in row.dataset);
  const list = $("list");
  if (!list.dataset.shownAt) return; // there is none: the page says why
  const asks = new URLSearchParams(location.search);
  asks.set("ids", idsOf(active).join(","));
  asks.set("shown_at", list.dataset.shownAt);
  const page = await fetchPage(`/ui/list/rows?${asks}`, { once: true });
  if (!list.isConnected) return; // another list is shown by now
  localise(page);
  for (const row of active) {
    const newer = page.getElementById(row.id);
    if (newer && row.isConnected) takeOver(row, newer);
  }
  tellNew(Number(page.querySelector("[data-new]").dataset.new));
}

/** Runs that came since are told, and shown when somebody asks for them: rows do not move under a pointer. */
function tellNew(count) {
  const place = $("news");
  const text = count === 1 ? "1 new run" : `${count} new runs`;
  if (!count || place.textContent === text) return;
  const params = new URLSearchParams(location.search);
  params.delete("cursor");
  place.replaceChildren(Object.assign(document.createElement("a"), { href: `/ui/runs?${params}`, textContent: text }));
}

function takeOver(row, newer) {
  const cells = row.querySelectorAll("[data-live]");
  newer.querySelectorAll("[data-live]").forEach((cell, index) => {
    if (cells[index].innerHTML !== cell.innerHTML) cells[index].replaceChildren(...cell.childNodes);
  });
  if (!("active" in newer.dataset)) delete row.dataset.active;
}

whileVisible(EVERY_S, refresh);

// Several runs.

function sayPicked() {
  const some = picked();
  $("acts").hidden = !some.length;
  $("picked").textContent = `${nameOf(some)} selected`;
  $("compare").disabled = some.length < 2 || some.length > MOST_COMPARED;
  $("compare").title = $("compare").disabled ? `2 to ${MOST_COMPARED} runs can be compared` : "";
  $("open-cancel").disabled = !some.some((row) => "active" in row.dataset);
  $("export").href = `/ui/list/runs.csv?${named(some)}`;
  for (const row of rows()) row.toggleAttribute("data-picked", some.includes(row));
  const all = $("pick-all");
  if (all) {
    all.checked = some.length === rows().length;
    all.indeterminate = some.length > 0 && !all.checked;
  }
}

let lastPicked = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest(".pick input");
  if (!box) return;
  if (box.id === "pick-all") pickAll(box.checked);
  else if (event.shiftKey && lastPicked?.isConnected) pickBetween(lastPicked, box);
  lastPicked = box;
  sayPicked();
});

function pickAll(checked) {
  for (const row of rows()) row.querySelector(".pick input").checked = checked;
  sayPicked();
}

function pickBetween(one, other) {
  const boxes = rows().map((row) => row.querySelector(".pick input"));
  const [first, last] = [boxes.indexOf(one), boxes.indexOf(other)].sort((a, b) => a - b);
  for (const box of boxes.slice(Math.max(first, 0), last + 1)) box.checked = other.checked;
}

/** Does something to runs on the server, and says what became of it. */
async function act(address, body, word) {
  try {
    const { done, left } = await ask(address, { method: "POST", body });
    const others = Object.values(left);
    const why = others.length ? ` ${others.length} not: ${others[0]}` : "";
    notify(`${word}: ${nameOf(done)}.${why}`, why ? "error" : "plain");
    await show(location.href, { push: false });
  } catch (error) {
    notify(error.message, "error");
  }
}

$("unpick").addEventListener("click", () => pickAll(false));
$("compare").addEventListener("click", () => (location.href = `/ui/compare?ids=${idsOf(picked()).join(",")}`));
$("open-cancel").addEventListener("click", () => {
  const some = picked();
  const active = some.filter((row) => "active" in row.dataset);
  const ended = some.length - active.length;
  $("cancel-title").textContent = `Cancel ${nameOf(active)}?`;
  const already = ended ? ` ${ended} of those selected ${ended === 1 ? "has" : "have"} ended already.` : "";
  $("cancel-text").textContent = `Waiting runs end at once, running ones once they have stopped. Checkpoints stay.${already}`;
  $("cancel").textContent = active.length === 1 ? "Cancel it" : `Cancel all ${active.length}`;
  $("cancel-dialog").showModal();
});
$("cancel").addEventListener("click", () => {
  const ids = idsOf(picked().filter((row) => "active" in row.dataset));
  $("cancel-dialog").close();
  act("/ui/list/cancel", { ids }, "Asked to end");
});
$("open-tag").addEventListener("click", () => {
  $("tag-title").textContent = `Tag ${nameOf(picked())}`;
  $("tag-dialog").showModal();
});
$("tag-form").addEventListener("submit", () => act("/ui/list/tag", { ids: idsOf(picked()), tag: $("new-tag").value }, "Tagged"));
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
$("open-help").addEventListener("click", () => $("help").showModal());
$("use-keys").addEventListener("change", ({ target }) => localStorage.setItem(SWITCH, target.checked ? "on" : "off"));

// The keyboard. A run has the focus when its link has it, so that Enter opens it without us.

function move(by) {
  const all = rows();
  const here = all.indexOf(document.activeElement.closest("#list tbody tr"));
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next]?.querySelector(".run-link").focus();
}

const inRow = () => document.activeElement.closest("#list tbody tr");
const SWITCH = "headway.keys";
const usesKeys = () => localStorage.getItem(SWITCH) !== "off";
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  x: () => inRow()?.querySelector(".pick input").click(),
  "/": () => $("search").focus(),
  "?": () => $("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "search") event.target.blur();
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const key = KEYS[event.key];
  if (event.key.length === 1 && !usesKeys()) return;
  if (!key || (event.key.startsWith("Arrow") && !inRow())) return;
  event.preventDefault();
  key();
});

$("use-keys").checked = usesKeys();
showDays();
sayPicked();
