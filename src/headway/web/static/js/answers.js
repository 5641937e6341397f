// The fields of a form and the request behind them: each shows its value, or what it is when it is left alone.

import { entriesAt, setAt, setEntriesAt, valueAt } from "./draft.js";
import { isSame, readField, writeField } from "./fields.js";

/** `root` says defaults and the preset; `request` is changed in place. */
export class Answers {
  constructor(root, form, request) {
    this.request = request;
    this.preset = root.dataset.preset;
    this.defaults = JSON.parse(root.dataset.defaults);
    this.form = form;
    this.fields = new Map([...form.querySelectorAll("[data-field]")].map((element) => [element.dataset.field, element]));
    this.timeframes = form.querySelector('[data-from-data][data-widget="checks"]');
  }

  /** What a field is when it is left alone; undefined where only the server knows. */
  leftAlone(path) {
    const first = Object.values(this.defaults)[0];
    const chosen = this.preset ? (valueAt(this.request, this.preset) ?? first[this.preset]) : "";
    return this.defaults[chosen]?.[path];
  }

  /** Whether presets differ in it. */
  varies(path) {
    return path !== this.preset && new Set(Object.values(this.defaults).map((each) => JSON.stringify(each[path]))).size > 1;
  }

  /** Put what a field says into the request; what is as if left alone is left out. */
  take(element) {
    const { field: path, map, prefix, widget } = element.dataset;
    let value = readField(element);
    if (map) {
      setEntriesAt(this.request, map, prefix, this.#prefixesBeside(element), value);
      return;
    }
    const left = path === this.preset ? undefined : this.leftAlone(path);
    if (widget === "weights") {
      const own = Object.entries(value).filter(([key, share]) => share !== left?.[key]);
      value = own.length ? Object.fromEntries(own) : undefined;
    }
    setAt(this.request, path, isSame(value, left) ? undefined : value);
  }

  /** Show the request in all fields. */
  showAll() {
    const names = this.chosenTimeframes();
    for (const element of this.fields.values()) writeField(element, this.#valueOf(element), { names });
    this.showDifferences();
  }

  chosenTimeframes() {
    return this.timeframes ? (valueAt(this.request, this.timeframes.dataset.field) ?? []) : [];
  }

  /** Mark fields that are not as the preset, or the server, would have them. */
  showDifferences() {
    let mixed = 0;
    for (const [path, element] of this.fields) {
      const left = this.leftAlone(path);
      const own = valueAt(this.request, path);
      const differs = left !== undefined && own !== undefined && path !== this.preset && !isSame(own, left);
      const place = element.querySelector("[data-differs]");
      place.hidden = !differs;
      place.textContent = differs ? `${this.varies(path) ? this.#presetName() : "Default"}: ${say(left)}` : "";
      element.toggleAttribute("data-changed", differs);
      mixed += differs && this.varies(path) ? 1 : 0;
    }
    this.#showMixed(mixed);
  }

  /** Have all that the preset decides be as it says. */
  restorePreset() {
    for (const path of this.fields.keys()) if (this.varies(path)) setAt(this.request, path, undefined);
    this.showAll();
  }

  /** Timeframes that the candles cannot give cannot be chosen; those chosen already can be given up. */
  limitTimeframes(unavailable) {
    for (const option of this.form.querySelectorAll("[data-from-data] option[value], [data-from-data] input[type=checkbox]")) {
      option.disabled = option.value in unavailable && !option.checked;
      const label = option.closest("label");
      if (label) label.title = unavailable[option.value] ?? "";
    }
    const place = this.timeframes?.querySelector("[data-reasons]");
    if (!place) return;
    const names = Object.keys(unavailable);
    place.textContent = names.length ? `Not to be had: ${names.join(", ")}. ${unavailable[names[0]]}` : "";
  }

  #valueOf(element) {
    const { field: path, map, prefix, widget } = element.dataset;
    if (map) return entriesAt(this.request, map, prefix, this.#prefixesBeside(element));
    const own = valueAt(this.request, path);
    const left = this.leftAlone(path);
    return widget === "weights" ? { ...left, ...own } : (own ?? left);
  }

  /** What other fields of the same free part have for themselves. */
  #prefixesBeside(element) {
    const { map, prefix } = element.dataset;
    const others = [...this.fields.values()].filter((other) => other !== element && other.dataset.map === map);
    return others.map((other) => other.dataset.prefix).filter((other) => other.length > prefix.length);
  }

  #presetName() {
    return this.fields.get(this.preset).querySelector("input:checked")?.parentElement.querySelector("strong").textContent ?? "";
  }

  #showMixed(count) {
    const note = this.form.querySelector("[data-mixed]");
    if (!note) return;
    note.hidden = !count;
    note.querySelector("[data-mixed-text]").textContent = `${count} ${count === 1 ? "value differs" : "values differ"} from ${this.#presetName()}`;
  }
}

function say(value) {
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? Object.values(value).join(", ") : String(value);
}
