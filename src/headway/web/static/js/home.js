// The first page: what ended since somebody last looked, kept fresh; and the demo.

import { renew, whileVisible } from "./fresh.js";
import { ask, notify } from "./page.js";

const KEY = "headway.looked-at";
const EVERY_S = 4;
const AWAY_MS = 60_000; // shorter than that is the same visit

const before = visit();

/** When the visit before this one ended; null at the first. Kept in this browser alone. */
function visit() {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  const isNew = !kept.seen || Date.now() - kept.seen > AWAY_MS;
  const since = isNew ? (kept.seen ?? null) : (kept.since ?? null);
  localStorage.setItem(KEY, JSON.stringify({ since, seen: Date.now() }));
  return since;
}

function markNew() {
  const rows = [...document.querySelectorAll("[data-ended]")];
  const fresh = before === null ? [] : rows.filter((row) => new Date(row.dataset.ended) > before);
  for (const row of fresh) row.classList.add("is-new");
  const told = document.getElementById("ended-since");
  if (!told || !rows.length || before === null) return;
  const count = fresh.length === rows.length && rows.length >= 20 ? "20 or more" : fresh.length || "none";
  told.textContent = `${count} since you last looked`;
  told.hidden = false;
}

async function startDemo() {
  try {
    location.href = (await ask("/ui/demo", { method: "POST" })).page;
  } catch (error) {
    notify(error.message, "error", 15000);
  }
}

document.addEventListener("click", ({ target }) => target.closest("#demo") && startDemo());
markNew();
whileVisible(EVERY_S, async () => {
  visit();
  await renew("fresh");
  markNew();
});
