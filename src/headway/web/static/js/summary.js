// What the server thinks of the draft: asked a moment after the last change; answers to older drafts are dropped.

import { ask, notify } from "./page.js";

const WAIT_MS = 250;
const content = document.getElementById("summary-content");
const summary = document.getElementById("summary");

/** Asks for faults and summary. `read`: the kind and request; `tell`: is given each answer that is not stale. */
export class Checker {
  #timer = 0;
  #asked = 0;

  constructor(read, tell) {
    this.read = read;
    this.tell = tell;
  }

  /** A moment after the last call. */
  soon() {
    content.setAttribute("aria-busy", "true");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now().catch(() => {}), WAIT_MS);
  }

  /** At once; the answer. Throws where there is none. */
  async now() {
    clearTimeout(this.#timer);
    const number = ++this.#asked;
    const answer = await ask("/ui/new/check", { method: "POST", body: this.read() });
    if (number === this.#asked) {
      showSummary(answer);
      this.tell(answer);
    }
    return answer;
  }
}

function showSummary({ summary: html, headline, warned, texts }) {
  content.innerHTML = html; // rendered, and escaped, by the server
  content.removeAttribute("aria-busy");
  document.getElementById("headline").textContent = headline;
  summary.toggleAttribute("data-warned", warned);
  document.getElementById("no-texts").hidden = "yaml" in texts;
  for (const place of document.querySelectorAll("[data-text-of]")) {
    place.hidden = !(place.dataset.textOf in texts);
    place.querySelector("[data-text]").textContent = texts[place.dataset.textOf] ?? "";
  }
}

/** Buttons that copy; a summary that is folded on a phone. */
export function prepareSummary() {
  const narrow = matchMedia("(max-width: 960px)");
  const fold = () => (summary.open = !narrow.matches);
  narrow.addEventListener("change", fold);
  fold();
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(`[data-text="${button.dataset.copy}"]`).textContent);
      notify("Copied.");
    });
  }
}
