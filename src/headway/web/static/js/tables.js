// Tables of numbers made by scripts: what charts show, for who does not see them.

import { sayMoment } from "./ticks.js";
import { sayUtc } from "./wording.js";

const make = (tag, values = {}) => Object.assign(document.createElement(tag), values);

/**
 * @param {string} title
 * @param {string[]} head the first is of the column of names
 * @param {string[][]} rows
 * @param {number[]} [span] when it begins and ends, in seconds since the epoch
 */
export function makeTable(title, head, rows, span = []) {
  const table = make("table");
  const top = table.createTHead().insertRow();
  top.append(...head.map((text, at) => make("th", { scope: "col", textContent: text, className: at ? "number" : "" })));
  const body = table.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    row.append(make("th", { scope: "row", textContent: name }), ...cells.map((text) => make("td", { className: "number", textContent: text })));
  }
  const caption = make("caption", { textContent: title });
  span.forEach((at_s, at) => caption.append(at ? " to " : ", ", sayWhen(at_s)));
  table.prepend(caption);
  const frame = make("div", { className: "table-frame", tabIndex: 0 });
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", title);
  frame.append(table);
  return frame;
}

/** Local, with UTC on hover. */
const sayWhen = (at_s) => make("time", { dateTime: new Date(at_s * 1000).toISOString(), textContent: sayMoment(at_s), title: sayUtc(at_s * 1000) });
