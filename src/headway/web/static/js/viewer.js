// Looks at a file of a run: pages in a sandbox, images, text as text, tables as their first rows.

const MOST_TEXT = 300_000;

/** @param {string} way `page`, `image`, `text` or `table` */
export async function openViewer(run, name, way) {
  const dialog = document.getElementById("viewer");
  const body = dialog.querySelector(".viewer-body");
  const path = name.split("/").map(encodeURIComponent).join("/");
  const address = `/runs/${run}/artifacts/${path}`;
  dialog.querySelector("h2").textContent = name;
  dialog.querySelector("a").href = address;
  body.replaceChildren();
  dialog.dataset.way = way;
  dialog.showModal();
  body.replaceChildren(await WAYS[way](`${address}?show=true`, name, `/ui/runs/${run}/table/${path}`));
}

const make = (tag, values) => Object.assign(document.createElement(tag), values);

const WAYS = {
  page: (address, name) => {
    const frame = make("iframe", { title: name });
    frame.setAttribute("sandbox", "allow-scripts");
    frame.src = address;
    return frame;
  },
  image: (address, name) => make("img", { src: address, alt: name }),
  text: async (address, name) => {
    const text = await read(address);
    const whole = text.length <= MOST_TEXT;
    const shown = whole ? text : `${text.slice(0, MOST_TEXT)}\n… the rest is in the download`;
    return make("pre", { textContent: whole && name.endsWith(".json") ? spaced(shown) : shown });
  },
  table: async (_address, _name, table) => {
    const page = new DOMParser().parseFromString(await read(table), "text/html");
    const piece = document.createElement("div");
    piece.append(...page.body.childNodes);
    return piece;
  },
};

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok && answer.status !== 422) throw new Error(`the server says ${answer.status}`);
  return answer.text();
}

function spaced(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
