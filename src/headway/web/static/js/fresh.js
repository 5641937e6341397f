// A piece of a page that stays true while somebody looks: it is asked for again, and taken over where it changed.

import { localise, offerSignIn } from "./page.js";

/**
 * The document at an address of ours. Throws where there is none; a session that has ended is told.
 * @param {string} address
 * @returns {Promise<Document>}
 */
export async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.status === 401) offerSignIn();
  if (!answer.headers.get("Content-Type")?.includes("html")) throw new Error(`${answer.status} ${answer.statusText}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * Does something every so often, only while the tab is visible, and at once when it becomes visible again.
 * @param {number} every_s
 * @param {() => Promise<void>} work what fails is tried again at the next turn
 */
export function whileVisible(every_s, work) {
  let busy = false;
  const turn = async () => {
    if (document.hidden || busy) return;
    busy = true;
    await work().catch(() => {});
    busy = false;
  };
  setInterval(turn, every_s * 1000);
  document.addEventListener("visibilitychange", turn);
}

/**
 * Takes over an element from a newer page, unless somebody is at it.
 * @param {string} id
 */
export async function renew(id) {
  const newer = (await fetchPage(location.href)).getElementById(id);
  const current = document.getElementById(id);
  if (!newer || !current || current.contains(document.activeElement)) return;
  localise(newer);
  current.replaceChildren(...newer.childNodes);
}

const fresh = document.querySelector("#fresh[data-every-s]");
if (fresh) whileVisible(Number(fresh.dataset.everyS), () => renew("fresh"));
