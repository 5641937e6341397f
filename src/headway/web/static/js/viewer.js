// Looks at a file of a run: pages in a sandbox, images, text as text, tables as their first rows.

import { load, offerSignIn } from "./page.js";

const MOST_BYTES = 300_000; // of a text; the rest is in the download
const EMPTY = 416; // there is no first byte

let turn = 0; // of what was opened last: an answer that comes late is none to it

const dialog = document.getElementById("viewer");
const body = dialog.querySelector(".viewer-body");

// What was shown ends: a page in its frame would run on.
dialog.addEventListener("close", () => {
  turn += 1;
  body.replaceChildren();
});

/** @param {string} way `page`, `image`, `text` or `table` */
export async function openViewer(run, name, way) {
  const mine = ++turn;
  const path = name.split("/").map(encodeURIComponent).join("/");
  const address = `/runs/${run}/artifacts/${path}`;
  dialog.querySelector("h2").textContent = name;
  dialog.querySelector("a").href = address;
  body.replaceChildren();
  dialog.dataset.way = way;
  dialog.showModal();
  const shown = await WAYS[way](`${address}?show=true`, name, `/ui/runs/${run}/table/${path}`);
  if (mine === turn) body.replaceChildren(shown);
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
    const { text, isWhole } = await readBeginning(address);
    if (!isWhole) return make("pre", { textContent: `${text}\n… the rest is in the download` });
    return make("pre", { textContent: name.endsWith(".json") ? spaced(text) : text });
  },
  table: async (_address, _name, table) => {
    const answer = await load(table);
    if (!answer.ok && answer.status !== 422) throw refusal(answer);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const piece = document.createElement("div");
    piece.append(...page.body.childNodes);
    return piece;
  },
};

/** The first bytes only, however long the file is. */
async function readBeginning(address) {
  const answer = await load(address, { headers: { Range: `bytes=0-${MOST_BYTES - 1}` } });
  if (answer.status === EMPTY) return { text: "", isWhole: true };
  if (!answer.ok) throw refusal(answer);
  const content = await answer.arrayBuffer();
  const size = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? content.byteLength);
  const isWhole = size <= content.byteLength;
  // A character that is cut off at the end is left out.
  return { text: new TextDecoder().decode(content, { stream: !isWhole }), isWhole };
}

function refusal({ status }) {
  if (status === 401) offerSignIn();
  return new Error(status === 401 ? "the session has ended" : `the server says ${status}`);
}

function spaced(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
