// How each widget is read and written. Rules are the server's: what is typed and is no number is sent as it was typed.

const boxes = (element) => [...element.querySelectorAll('input[type="checkbox"]')];
const control = (element) => element.querySelector("input, select, textarea");

const plain = {
  read: (element) => control(element).value.trim() || undefined,
  write: (element, value) => {
    control(element).value = value ?? "";
  },
};

const WIDGETS = {
  text: plain,
  lines: { ...plain, read: (element) => control(element).value || undefined },
  choice: plain,
  number: {
    read: (element) => toNumber(control(element).value),
    write: plain.write,
  },
  switch: {
    read: (element) => control(element).checked,
    write: (element, value) => {
      control(element).checked = value === true;
    },
  },
  checks: {
    read: (element) => boxes(element).filter((box) => box.checked).map((box) => box.value),
    write: (element, value) => tick(boxes(element), value ?? []),
  },
  words: {
    read: (element) => {
      const words = control(element).value.split(",").map((word) => word.trim()).filter(Boolean);
      return words.length ? words : undefined;
    },
    write: (element, value) => {
      control(element).value = (value ?? []).join(", ");
    },
  },
  presets: {
    read: (element) => element.querySelector("input:checked")?.value,
    write: (element, value) => {
      for (const radio of element.querySelectorAll('input[type="radio"]')) radio.checked = radio.value === value;
    },
  },
  weights: {
    read: (element) => {
      const shares = [...element.querySelectorAll("[data-key]")].map((input) => [input.dataset.key, toNumber(input.value)]);
      return Object.fromEntries(shares.filter(([, share]) => share !== undefined));
    },
    write: (element, value) => {
      for (const input of element.querySelectorAll("[data-key]")) input.value = value?.[input.dataset.key] ?? "";
    },
  },
  dataset: {
    read: (element) => {
      const chosen = element.querySelector('input[type="radio"]:checked');
      const found = chosen && "other" in chosen.dataset ? element.querySelector("[data-other-text]").value.trim() : chosen?.value;
      return found || undefined;
    },
    write: (element, value) => {
      const radios = [...element.querySelectorAll('input[type="radio"]')];
      const known = radios.find((radio) => radio.value && radio.value === value);
      const other = radios.find((radio) => "other" in radio.dataset);
      for (const radio of radios) radio.checked = false;
      if (known) known.checked = true;
      else if (value) {
        other.checked = true;
        element.querySelector("[data-other-text]").value = value;
      }
    },
  },
  "per-timeframe": {
    read: (element) => {
      const own = [...element.querySelectorAll("[data-own]")].filter((row) => row.querySelector("[data-own-switch]").checked);
      return Object.fromEntries(
        own.map((row) => [row.dataset.own, boxes(row.querySelector("[data-own-list]")).filter((box) => box.checked).map((box) => box.value)]),
      );
    },
    write: (element, value, { names }) => writeOwnLists(element, value ?? {}, names),
  },
  tree: {
    read: (element) => {
      const pairs = [...element.querySelectorAll("[data-pair]")].map((row) => [
        row.querySelector("[data-pair-key]").value.trim(),
        toValue(row.querySelector("[data-pair-value]").value),
      ]);
      return Object.fromEntries(pairs.filter(([key]) => key));
    },
    write: (element, value) => {
      element.querySelector("[data-rows]").replaceChildren();
      for (const [key, found] of Object.entries(value ?? {})) addPair(element, key, found);
    },
  },
};

/** What a field says now; undefined where it says nothing. */
export function readField(element) {
  return WIDGETS[element.dataset.widget].read(element);
}

/** Show a value. `names`: of timeframes, for widgets that have a row for each. */
export function writeField(element, value, { names = [] } = {}) {
  WIDGETS[element.dataset.widget].write(element, value, { names });
}

/** Controls that say whether they are right. */
export function controlsOf(element) {
  return [...element.querySelectorAll("input:not([type=checkbox]):not([type=radio]):not([type=file]), select, textarea")];
}

/** One more row of an editor of overrides. */
export function addPair(element, key = "", value = "") {
  const row = element.querySelector("template[data-row]").content.cloneNode(true).firstElementChild;
  row.querySelector("[data-pair-key]").value = key;
  row.querySelector("[data-pair-value]").value = typeof value === "string" ? value : JSON.stringify(value);
  element.querySelector("[data-rows]").append(row);
  return row;
}

export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function writeOwnLists(element, value, names) {
  const shown = [...element.querySelectorAll("[data-own]")];
  const wanted = [...new Set([...names, ...Object.keys(value)])];
  element.querySelector("[data-no-timeframes]").hidden = wanted.length > 0;
  for (const row of shown.filter((row) => !wanted.includes(row.dataset.own))) row.remove();
  for (const name of wanted) {
    const row = shown.find((each) => each.dataset.own === name) ?? makeOwnList(element, name);
    row.querySelector("[data-own-switch]").checked = name in value;
    row.querySelector("[data-own-list]").hidden = !(name in value);
    tick(boxes(row.querySelector("[data-own-list]")), value[name] ?? []);
  }
}

function makeOwnList(element, name) {
  const row = element.querySelector("template[data-row]").content.cloneNode(true).firstElementChild;
  row.dataset.own = name;
  row.querySelector("[data-own-name]").textContent = name;
  element.querySelector("[data-rows]").append(row);
  return row;
}

function tick(found, values) {
  for (const box of found) box.checked = values.includes(box.value);
}

function toNumber(text) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

/** JSON where it is some, else the text. */
function toValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
