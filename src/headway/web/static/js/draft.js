// A draft: what will be sent, kept in this browser under an id that stands in the address.

const PREFIX = "headway.draft.";
const MAX_DRAFTS = 20;

/** A new draft of a kind. It is kept once there is something in it that would be missed. */
export function makeDraft(kind, request, id = makeId()) {
  return { id, kind, key: makeId(), request: tidy(structuredClone(request)), savedAt: 0 };
}

/** The draft of an id, or null where this browser has none. */
export function findDraft(id) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + id));
  } catch {
    return null;
  }
}

/** Keep it as it is now, in the place of the oldest. False where the browser keeps nothing. */
export function keep(draft) {
  draft.savedAt = Date.now();
  try {
    localStorage.setItem(PREFIX + draft.id, JSON.stringify(draft));
    forgetOldest();
    return true;
  } catch {
    return false;
  }
}

export function forget(id) {
  localStorage.removeItem(PREFIX + id);
}

/** Drafts, last used first. */
export function listDrafts() {
  const ids = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  const found = ids.map((name) => findDraft(name.slice(PREFIX.length))).filter(Boolean);
  return found.sort((one, other) => other.savedAt - one.savedAt);
}

/** It is about to be sent: from now on its key stands for what it says, whether or not an answer comes. */
export function markSent(draft) {
  draft.sentAs = draft.key;
  keep(draft);
}

/** It was changed: should it have been sent before, here or in another tab, it is another run from now on. */
export function change(draft) {
  draft.edited = true;
  if ([draft.sentAs, findDraft(draft.id)?.sentAs].includes(draft.key)) takeNewKey(draft);
  return keep(draft);
}

/** What is sent next is another run. */
export function takeNewKey(draft) {
  draft.key = makeId();
  delete draft.startedAs;
}

/** The value at a dotted path; undefined where there is none. */
export function valueAt(request, path) {
  return path.split(".").reduce((found, part) => found?.[part], request);
}

/** Set the value at a dotted path; undefined removes it. */
export function setAt(request, path, value) {
  const parts = path.split(".");
  const last = parts.pop();
  const place = parts.reduce((found, part) => (found[part] ??= {}), request);
  if (value === undefined) delete place[last];
  else place[last] = value;
}

/** Entries of a free part whose keys begin with `prefix` and with none of `others`, without the prefix. */
export function entriesAt(request, path, prefix, others) {
  const all = Object.entries(valueAt(request, path) ?? {});
  const own = all.filter(([key]) => key.startsWith(prefix) && !others.some((other) => key.startsWith(other)));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}

/** Put entries in the place of those that `entriesAt` gives. */
export function setEntriesAt(request, path, prefix, others, entries) {
  const old = new Set(Object.keys(entriesAt(request, path, prefix, others)).map((key) => prefix + key));
  const rest = Object.entries(valueAt(request, path) ?? {}).filter(([key]) => !old.has(key));
  const merged = [...rest, ...Object.entries(entries).map(([key, value]) => [prefix + key, value])];
  setAt(request, path, merged.length ? Object.fromEntries(merged) : undefined);
}

function makeId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Without nulls, which say nothing; overrides by dotted keys, in which form they are edited. */
function tidy(request) {
  for (const [name, value] of Object.entries(request)) {
    if (value === null) delete request[name];
    else if (name === "overrides") request[name] = flatten(value);
    else if (typeof value === "object" && !Array.isArray(value)) tidy(value);
  }
  return request;
}

function flatten(tree, prefix = "", found = {}) {
  for (const [name, value] of Object.entries(tree)) {
    const branch = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length;
    if (branch) flatten(value, `${prefix}${name}.`, found);
    else found[prefix + name] = value;
  }
  return found;
}

function forgetOldest() {
  for (const draft of listDrafts().slice(MAX_DRAFTS)) forget(draft.id);
}
