// A piece of a page that stays true while somebody looks: it is asked for again, and taken over where it changed.

import { load, localise, offerSignIn } from "./page.js";

const PATIENCE_MS = 10_000;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/**
 * The document at an address of ours. Throws where there is none; a session that has ended is told.
 * @param {string} address
 * @param {{once?: boolean}} options `once`: who does not want to sign in is not asked again
 * @returns {Promise<Document>}
 */
export async function fetchPage(address, { once = false } = {}) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await load(address, { headers: { Accept: "text/html" }, signal });
  if (answer.status === 401) offerSignIn({ once });
  if (answer.headers.get("Content-Type")?.includes("html")) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok || page.querySelector('meta[name="csrf-token"]')) return page; // else it is that of a proxy
  }
  const { status } = answer;
  throw Object.assign(new Error(status === 401 ? "the session has ended" : await reasonOf(answer)), { status });
}

/** Why a script was refused. */
async function reasonOf(answer) {
  const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  return told.message ?? `${answer.status} ${answer.statusText}`;
}

/**
 * Does something every so often, only while the tab is visible, and at once when it becomes visible again.
 * @param {number} every_s
 * @param {() => Promise<void>} work what fails is tried again at the next turn, and the page says since when it is old
 */
export function whileVisible(every_s, work) {
  let busy = false;
  let trueAt = new Date();
  const turn = async () => {
    if (document.hidden || busy) return;
    busy = true;
    try {
      await work();
      trueAt = new Date();
      tellStale("");
    } catch (error) {
      tellStale(`Not up to date since ${clock.format(trueAt)}: ${error.message}.`);
    }
    busy = false;
  };
  setInterval(turn, every_s * 1000);
  document.addEventListener("visibilitychange", turn);
}

function tellStale(text) {
  const place = document.getElementById("stale");
  if (place.textContent !== text) place.textContent = text;
}

const shown = new WeakMap(); // what each element was made from

/**
 * Takes over an element from a newer page where it differs. Who is at a link of it stays at that link.
 * @param {string} id
 */
export async function renew(id) {
  const newer = (await fetchPage(location.href, { once: true })).getElementById(id);
  const current = document.getElementById(id);
  if (!newer) throw new Error("the server shows something else now: reload the page");
  localise(newer);
  const source = newer.innerHTML;
  if (shown.get(current) === source) return;
  shown.set(current, source);
  const wasAt = placeOf(current, document.activeElement);
  current.replaceChildren(...newer.childNodes);
  if (wasAt) document.querySelectorAll(wasAt.selector)[wasAt.at]?.focus({ preventScroll: true });
}

/** How to find an element of `root` again once it was made anew; null for one that is elsewhere. */
function placeOf(root, element) {
  if (!root.contains(element)) return null;
  const href = element.getAttribute("href");
  const selector = element.id ? `#${CSS.escape(element.id)}` : `#${root.id} ${element.localName}${href ? `[href="${CSS.escape(href)}"]` : ""}`;
  return { selector, at: [...document.querySelectorAll(selector)].indexOf(element) };
}

const fresh = document.querySelector("#fresh[data-every-s]");
if (fresh) whileVisible(Number(fresh.dataset.everyS), () => renew("fresh"));
