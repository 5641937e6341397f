// Faults beside their fields, in the list of steps, and in a summary that is read first.

import { controlsOf } from "./fields.js";

const errors = document.getElementById("errors");

/** Show what is wrong at fields that were left already (`touched`); what is not wrong any more is taken away. */
export function showFaults(faults, fields, touched) {
  for (const [path, element] of fields) {
    const found = touched.has(path) ? faults.filter((fault) => fault.field === path) : [];
    const place = element.querySelector("[data-fault]");
    place.textContent = found.map((fault) => fault.text).join(" ");
    place.hidden = !found.length;
    for (const control of controlsOf(element)) {
      if (found.length) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}

/** Mark steps: `seen` ones are done, or need a look. */
export function markSteps(faults, seen) {
  for (const link of document.querySelectorAll("[data-to]")) {
    const step = link.dataset.to;
    const state = !seen.has(step) ? "" : faults.some((fault) => fault.step === step) ? "faulty" : "done";
    link.dataset.state = state;
    link.querySelector("[data-mark]").textContent = { faulty: " (needs a look)", done: " (done)" }[state] ?? "";
  }
}

/** The summary of errors, with the way to each; `focus`: it is what people hear of now. */
export function listErrors(faults, fields, { focus = false } = {}) {
  errors.hidden = !faults.length;
  errors.querySelector("ul").replaceChildren(...faults.map((fault) => toItem(fault, fields.get(fault.field))));
  if (faults.length && focus) errors.focus();
}

function toItem(fault, element) {
  const item = document.createElement("li");
  if (!element) {
    item.append(fault.text);
    if (fault.link) item.append(" ", Object.assign(document.createElement("a"), { href: fault.link.href, textContent: fault.link.text }));
    return item;
  }
  const link = document.createElement("a");
  link.href = `#${element.querySelector("[data-fault]").id}`;
  link.textContent = `${element.dataset.label}: ${fault.text}`;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    for (const fold of [element.closest("details")].filter(Boolean)) fold.open = true;
    element.querySelector("input, select, textarea").focus();
  });
  item.append(link);
  return item;
}
