// What time it is at the server: ages are told by its clock, from which that of this machine may differ.
import { sayAge, sayUtc } from "./wording.js";

let ahead_ms = 0;

/** Milliseconds since the epoch. */
export const serverNow = () => Date.now() + ahead_ms;

/** @param {string} told the time at the server @param {number} heardAt when it was told, by our clock */
export function setClock(told, heardAt = Date.now()) {
  ahead_ms = Date.parse(told) - heardAt;
}

/** When the answer began to come that this page is from, by our clock. */
export function pageHeardAt() {
  const [visit] = performance.getEntriesByType("navigation");
  return performance.timeOrigin + (visit?.responseStart || performance.now());
}

/** Tell how long ago each `<time data-since>` was, with UTC on hover. */
export function tellAges(root) {
  const now = serverNow();
  for (const element of root.querySelectorAll("[data-since]")) {
    const text = sayAge(element.dataset.since, now);
    if (element.textContent !== text) element.textContent = text;
    element.title = sayUtc(element.dataset.since);
  }
}
