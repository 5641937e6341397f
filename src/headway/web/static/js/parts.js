// The parts of a page that stay true while it is open: each is taken over from a newer page where it differs.
import { localise } from "./page.js";

const sources = new Map(); // what each part was made from

/** Take over all parts of a newer page. One that somebody is at stays: a dialog that is open, a form that is shown. */
export function takeParts(root, page) {
  page.querySelectorAll("[data-part]").forEach((fresh) => {
    takePart(root.querySelector(`[data-part="${fresh.dataset.part}"]`), fresh);
  });
}

function takePart(old, fresh) {
  if (old.matches("form:not([hidden])") || old.querySelector("dialog[open]")) return;
  localise(fresh); // as the page was when it was opened: what is the same is not drawn anew
  Object.assign(old.dataset, fresh.dataset);
  const source = fresh.innerHTML;
  if ((sources.get(old) ?? old.innerHTML) === source) return;
  const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const opened = new Set([...old.querySelectorAll("details[open] > summary")].map(keyOf));
  sources.set(old, source);
  old.replaceChildren(...fresh.childNodes);
  for (const summary of old.querySelectorAll("details > summary")) summary.parentElement.open ||= opened.has(keyOf(summary));
  if (focused) [...old.querySelectorAll("a, button, summary, input, [tabindex]")].find((each) => keyOf(each) === focused)?.focus({ preventScroll: true });
}

/** What an element is to somebody who comes back to it. */
function keyOf(element) {
  const { act, name } = element.dataset;
  const said = element.matches("summary") ? `${element.textContent} ${element.closest("li")?.value ?? ""}` : "";
  return [element.tagName, element.id, act, name, element.getAttribute("href"), element.getAttribute("aria-label"), said].join("|");
}
