// What the server thinks of the draft: asked a moment after the last change; answers to older drafts are dropped.

import { ask, copyText, notify } from "./page.js";

const WAIT_MS = 250;
const AGAIN_MS = 3000;
const content = document.getElementById("summary-content");
const summary = document.getElementById("summary");
const old = document.getElementById("summary-old");
const news = document.getElementById("summary-news");

/** Asks for faults and summary. `read`: the kind and request; `tell`: is given each answer that is not stale. */
export class Checker {
  #timer = 0;
  #asked = 0;

  constructor(read, tell) {
    this.read = read;
    this.tell = tell;
  }

  /** A moment after the last call; again and again until there is an answer. One under way is of an older draft. */
  soon(wait_ms = WAIT_MS) {
    this.#asked += 1;
    content.setAttribute("aria-busy", "true");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now().catch(() => {}), wait_ms);
  }

  /** At once; the answer. Throws where there is none; it is asked for again then. */
  async now() {
    clearTimeout(this.#timer);
    const number = ++this.#asked;
    try {
      const answer = await ask("/ui/new/check", { method: "POST", body: this.read() });
      if (number === this.#asked) {
        showSummary(answer);
        this.tell(answer);
      }
      return answer;
    } catch (error) {
      if (number === this.#asked) this.#tellOld(error);
      throw error;
    }
  }

  /** What is shown is of an older draft. A session that has ended is asked for by a dialog, not by us. */
  #tellOld({ status, message }) {
    old.hidden = false;
    old.textContent = `Not up to date: ${message}.`;
    if (status !== 401) this.soon(AGAIN_MS);
  }
}

function showSummary({ summary: html, headline, warned, texts }) {
  content.innerHTML = html; // rendered, and escaped, by the server
  content.removeAttribute("aria-busy");
  old.hidden = true;
  tellNews(headline);
  document.getElementById("headline").textContent = headline;
  summary.toggleAttribute("data-warned", warned);
  document.getElementById("no-texts").hidden = "yaml" in texts;
  for (const place of document.querySelectorAll("[data-text-of]")) {
    place.hidden = !(place.dataset.textOf in texts);
    place.querySelector("[data-text]").textContent = texts[place.dataset.textOf] ?? "";
  }
}

/** What a screen reader says: the headline and warnings, once each time they change, and not all the figures. */
function tellNews(headline) {
  const warnings = [...content.querySelectorAll(".warnings li")].map((each) => each.textContent);
  const text = [headline, ...warnings].filter(Boolean).join(". ");
  if (news.textContent !== text) news.textContent = text;
}

/** A text of the draft as it is now, and not as it was before the last key. */
async function readText(name, checker) {
  if (content.hasAttribute("aria-busy")) await checker.now();
  const place = document.querySelector(`[data-text="${name}"]`);
  if (place.parentElement.hidden) throw new Error("The draft has faults: nothing was copied.");
  return place.textContent;
}

/** Buttons that copy; a summary that is folded on a phone. */
export function prepareSummary(checker) {
  const narrow = matchMedia("(max-width: 960px)");
  const fold = () => (summary.open = !narrow.matches);
  narrow.addEventListener("change", fold);
  fold();
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => {
      readText(button.dataset.copy, checker).then(copyText).then(() => notify("Copied."), ({ message }) => notify(message, "error"));
    });
  }
}
