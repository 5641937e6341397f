// Tables of numbers made by scripts: what charts show, for who does not see them.

const make = (tag, values = {}) => Object.assign(document.createElement(tag), values);

/**
 * @param {string} title
 * @param {string[]} head the first is of the column of names
 * @param {string[][]} rows
 */
export function makeTable(title, head, rows) {
  const table = make("table");
  const top = table.createTHead().insertRow();
  top.append(...head.map((text, at) => make("th", { scope: "col", textContent: text, className: at ? "number" : "" })));
  const body = table.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    row.append(make("th", { scope: "row", textContent: name }), ...cells.map((text) => make("td", { className: "number", textContent: text })));
  }
  table.prepend(make("caption", { textContent: title }));
  const frame = make("div", { className: "table-frame", tabIndex: 0 });
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", title);
  frame.append(table);
  return frame;
}
