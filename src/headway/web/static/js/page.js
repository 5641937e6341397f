// What every page does: local times, notices, the token that changes need, and what to do when a session has ended.
import { sayUtc } from "./wording.js";

const token = document.querySelector('meta[name="csrf-token"]');
// Made once: to make one takes as long as to write hundreds of times with it.
const formatOf = (options) => new Intl.DateTimeFormat(undefined, options);
const clock = formatOf({ dateStyle: "medium", timeStyle: "medium" });
const minute = { hour: "2-digit", minute: "2-digit" };
const day = { month: "short", day: "numeric" };
const today = formatOf({ ...minute, second: "2-digit" });
const thisYear = formatOf({ ...day, ...minute });
const longAgo = formatOf({ ...day, year: "numeric" });

/** As short as it can be and still be understood: today the time, this year no year. */
function brief(moment, now = new Date()) {
  if (moment.toDateString() === now.toDateString()) return today.format(moment);
  return (moment.getFullYear() === now.getFullYear() ? thisYear : longAgo).format(moment);
}

/**
 * Show each <time datetime> in local time, with UTC on hover; shortly where it is marked with `data-brief`. And have
 * small pictures loaded: by themselves they came before the scripts, and a page with fifty was usable later.
 */
export function localise(root = document) {
  for (const image of root.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    image.removeAttribute("data-src");
  }
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.textContent = "brief" in element.dataset ? brief(moment) : clock.format(moment);
    element.title = sayUtc(moment);
  }
}

/** A short message in the corner, read out by screen readers. */
export function notify(text, kind = "plain", stay_ms = 6000) {
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.kind = kind;
  notice.textContent = text;
  document.getElementById("notices").append(notice);
  setTimeout(() => notice.remove(), stay_ms);
}

/** Puts a text on the clipboard. Where a browser has none for us (plain HTTP from another machine), or refuses, it is marked. */
export async function copyText(text) {
  const isDone = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (isDone) return;
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "visually-hidden" });
  const before = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  if (!done) throw new Error("The browser copies nothing: mark the text and copy it by hand.");
}

/** The token that a change needs. */
export const readToken = () => token.content;

/** fetch() that says that a script asks, so that it is told when the session has ended and not sent to sign in. */
export async function load(address, { headers = {}, ...options } = {}) {
  try {
    return await fetch(address, { ...options, headers: { "x-headway": "script", ...headers } });
  } catch (error) {
    throw new Error("the server does not answer", { cause: error });
  }
}

/**
 * fetch() with the token; the answer's JSON. Throws an Error that says what the server said.
 * Where somebody has signed in again in another tab, the new session is taken over.
 */
export async function ask(address, { method = "GET", body, headers = {} } = {}) {
  const send = () =>
    load(address, {
      method,
      headers: {
        "x-csrf-token": readToken(),
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const used = readToken();
  let answer = await send();
  if ([401, 403].includes(answer.status) && (await renewToken(used))) answer = await send();
  if (answer.status === 401) offerSignIn();
  const found = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw Object.assign(new Error(found?.message ?? answer.statusText), { status: answer.status, found });
  return found;
}

/** Whether there is a session with another token than the one used; from then on the page has that. */
async function renewToken(used) {
  if (readToken() !== used) return true;
  const answer = await load(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector('meta[name="csrf-token"]')?.content;
  if (!fresh || fresh === used) return false;
  token.content = fresh;
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "x-csrf-token": fresh }));
  return true;
}

let declined = false;

/** The session has ended: sign in in another tab, so that nothing typed here is lost. `once`: not again after a no. */
export function offerSignIn({ once = false } = {}) {
  if (document.getElementById("signed-out") || (once && declined)) return;
  declined = false;
  const dialog = document.createElement("dialog");
  dialog.id = "signed-out";
  dialog.setAttribute("aria-labelledby", "signed-out-title");
  dialog.innerHTML = `<h2 id="signed-out-title">Your session has ended</h2>
    <p>Sign in again in a new tab, then come back: what is on this page stays.</p>
    <div class="row"><a class="button primary" target="_blank" href="/ui/sign-in">Sign in</a>
    <button type="button">Close</button></div>`;
  let isBack = false;
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  const look = async () => {
    if (!(await renewToken(readToken()))) return;
    isBack = true;
    dialog.close();
    document.dispatchEvent(new Event("signed-in"));
  };
  window.addEventListener("focus", look);
  dialog.addEventListener("close", () => {
    window.removeEventListener("focus", look);
    declined = !isBack;
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}

localise();
document.addEventListener("htmx:after:swap", () => localise());
document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status;
  if (status === 401) offerSignIn();
  else if (status >= 400) notify("That did not work: the server refused it.", "error");
});
