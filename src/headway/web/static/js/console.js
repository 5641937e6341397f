// The console of a run: follows its end, goes back as far as it reaches, searches all of it on the server. Only the
// lines on the screen are in the page.
import { ask, notify } from "./page.js";

const LINE_PX = 20;
const SPARE = 20; // lines above and below the screen
const MOST_LINES = 250_000; // kept; the oldest go first
const BACK_BYTES = 256 << 10;
const PAGE_LINES = 10_000;
const MOST_FOUND = 20_000;
const CALM_MS = 3000; // after a failure, before it is tried again
const LONGEST_LINE = 16 << 10; // a longer one comes in pieces, as from the server
const LEVELS = [
  ["error", /\b(ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*(Error|Exception)\b)/],
  ["warning", /\b(WARN(ING)?|\w*Warning)\b/],
];
const bytes = new TextEncoder();
const letters = new TextDecoder();
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** `error`, `warning`, or "" of a line. */
export function levelOf(text) {
  return LEVELS.find(([, pattern]) => pattern.test(text))?.[0] ?? "";
}

export class Console {
  #lines = []; // {text, level, offset, note}
  #found = null; // lines of a search, instead of all
  #shown = []; // what the filter leaves of either
  #partial = ""; // the beginning of a line whose end has not come
  #open = null; // the line that what comes next replaces or goes on with: bars of progress return to its beginning
  #attempt = 0;
  #newest;
  #readTo = 0; // up to here the lines were read from the server: what the socket tells of them is known
  #chosen = null; // an attempt whose end is being read, and what it says meanwhile
  #elements = new Map(); // of the lines on the screen
  #going = null;
  #ours = null; // where we have moved the box to ourselves: that says nothing of what somebody wants
  #searching = 0;

  /** @param {string} run its id @param {number} attempt the newest */
  constructor(run, attempt) {
    const find = (id) => document.getElementById(id);
    this.run = run;
    this.#newest = this.#attempt = attempt;
    this.box = find("console");
    this.space = this.box.lastElementChild;
    this.empty = find("console-empty");
    this.window = this.space.firstElementChild;
    this.follow = find("console-follow");
    this.level = find("console-level");
    this.attempts = find("console-attempt");
    this.status = find("console-found");
    this.download = find("console-download");
    this.box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.level.addEventListener("change", () => this.#refilter());
    this.follow.addEventListener("change", () => this.#paint());
    this.attempts.addEventListener("change", () => this.#choose(Number(this.attempts.value)));
    const search = find("console-search");
    search.addEventListener("submit", (event) => { event.preventDefault(); this.search(search.text.value); });
    search.text.addEventListener("input", () => search.text.value || this.search(""));
    new ResizeObserver(() => this.#paint()).observe(this.box);
    this.#offerAttempts();
  }

  /** Frames of the console and notes; drawn at once, for they are handed over once per animation frame. */
  append(frames) {
    for (const { data } of frames) {
      if (data.attempt > this.#newest) this.#begin(data.attempt);
      if (data.attempt === this.#chosen?.attempt) this.#chosen.meanwhile.push(data);
      if (data.attempt === this.#attempt) this.#hear(data);
    }
    this.#forgetOldest();
    if (document.hidden) this.#paint();
    else this.#draw();
  }

  /** Everything comes again. */
  clear() {
    this.#lines = [];
    this.#partial = "";
    this.#open = null;
    this.#readTo = 0;
    this.#refilter();
  }

  /** Who looks at the newest attempt goes on with the next. */
  #begin(attempt) {
    const isFollowed = this.#attempt === this.#newest && this.#chosen === null;
    this.#newest = attempt;
    if (isFollowed) this.#show(attempt);
    this.#offerAttempts();
  }

  #show(attempt) {
    this.#attempt = attempt;
    this.attempts.value = String(attempt);
    this.download.href = `/ui/runs/${this.run}/console.txt?attempt=${attempt}`;
    this.clear();
  }

  #offerAttempts() {
    const numbers = Array.from({ length: Math.max(this.#newest, 1) }, (_, at) => at + 1);
    this.attempts.replaceChildren(...numbers.map((number) => new Option(String(number), String(number))));
    this.attempts.value = String(this.#chosen?.attempt ?? (this.#attempt || 1));
    this.attempts.closest("label").hidden = numbers.length < 2;
  }

  /** An attempt to look at: its end from the server, then what it says. Until that is there, the other stays. */
  async #choose(attempt) {
    const chosen = { attempt, meanwhile: [] };
    this.#chosen = chosen;
    try {
      const page = await ask(`/runs/${this.run}/logs?attempt=${attempt}&tail=500`);
      if (this.#chosen !== chosen) return;
      this.#show(attempt);
      this.#fill(page);
      chosen.meanwhile.forEach((data) => this.#hear(data));
      this.#refilter();
    } catch (error) {
      if (this.#chosen !== chosen) return;
      this.attempts.value = String(this.#attempt);
      notify(`Attempt ${attempt} cannot be read: ${error.message}`, "error");
    }
    this.#chosen = null;
  }

  /** Lines of the server. The last may not have ended: what comes goes on with it. */
  #fill({ lines, next_offset: end }) {
    const last = lines.at(-1);
    const isOpen = last !== undefined && last.offset + bytes.encode(last.text).length === end;
    this.#lines = lines.slice(0, isOpen ? -1 : undefined).map((line) => lineOf(line));
    if (isOpen) this.#take(last.text, last.offset);
    this.#readTo = end;
  }

  /** A note, or a stretch of the console less what is known of it. */
  #hear({ source, message, level, offset }) {
    if (source === "note") {
      this.#keep({ text: message, level: noteLevel(level), offset: null, note: true });
      return;
    }
    const known = this.#readTo - offset;
    if (known <= 0) {
      this.#take(message, offset);
      return;
    }
    const rest = bytes.encode(message).subarray(known);
    if (rest.length) this.#take(letters.decode(rest), this.#readTo);
  }

  /** Pieces of the console are whole lines, but for one that is very long or is not ended. */
  #take(text, offset) {
    let at = offset;
    for (const part of text.split(/(?<=\n|\r(?!\n))/)) {
      this.#write(part, at);
      at += bytes.encode(part).length;
    }
  }

  /** As a terminal does: behind a carriage return a line is written anew, and an empty rest leaves what is there. */
  #write(part, offset) {
    const whole = this.#partial + part;
    if (!this.#open) {
      this.#open = { ...clean(whole), offset };
      this.#keep(this.#open);
    } else if (/[^\r\n]/.test(whole)) {
      Object.assign(this.#open, clean(whole));
    }
    const isLong = whole.length >= LONGEST_LINE;
    this.#partial = isLong || /[\r\n]$/.test(part) ? "" : whole;
    if (isLong || part.endsWith("\n")) this.#open = null;
  }

  #keep(line) {
    this.#lines.push(line);
    if (this.#found === null && this.#passes(line)) this.#shown.push(line);
  }

  #forgetOldest() {
    if (this.#lines.length <= MOST_LINES) return;
    this.#lines.splice(0, MOST_LINES / 10);
    this.#refilter();
  }

  #passes({ level }) {
    return !this.level.value || level === "error" || level === this.level.value;
  }

  #refilter() {
    this.#shown = (this.#found ?? this.#lines).filter((line) => this.#passes(line));
    this.#paint();
  }

  /** All lines with a text, also those that are not here; "" shows the console again. */
  async search(text) {
    const turn = ++this.#searching;
    this.#found = text ? [] : null;
    this.status.textContent = "";
    this.#refilter();
    if (!text) return;
    try {
      await this.#searchOn(text, turn);
    } catch (error) {
      if (turn === this.#searching) this.status.textContent = `The search broke off: ${error.message}`;
    }
  }

  async #searchOn(text, turn) {
    const query = new URLSearchParams({ search: text, tail: PAGE_LINES, attempt: Math.max(this.#attempt, 1), offset: 0 });
    for (;;) {
      const page = await ask(`/runs/${this.run}/logs?${query}`);
      if (turn !== this.#searching) return;
      this.#found.push(...page.lines.map((line) => lineOf(line, text)));
      const count = this.#found.length;
      this.status.textContent = `${count.toLocaleString("en-US")} ${count === 1 ? "line" : "lines"}${page.done ? "" : " so far"}`;
      this.#refilter();
      if (page.done || count >= MOST_FOUND) return;
      query.set("offset", page.next_offset);
    }
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    const atEnd = scrollTop + clientHeight >= scrollHeight - LINE_PX;
    if (scrollTop !== this.#ours) {
      this.#ours = null;
      this.follow.checked = atEnd;
    }
    this.#paint();
  }

  /** Where the first line begins that is here; 0 where nothing can be put before it. */
  #beginning() {
    if (this.#found !== null || this.#lines.length >= MOST_LINES) return 0;
    return this.#lines.find((line) => line.offset !== null)?.offset ?? 0;
  }

  /** Earlier lines, before the first that is here. */
  #goBack() {
    if (!this.#beginning()) return;
    this.#going ??= this.#readBack()
      .catch((error) => this.#calm(error))
      .finally(() => { this.#going = null; this.#paint(); });
  }

  /** The server is away, or has lost the log: not at once again. */
  async #calm({ message }) {
    this.status.textContent = `Earlier lines cannot be read: ${message}`;
    await new Promise((resolve) => { setTimeout(resolve, CALM_MS); });
    this.status.textContent = "";
  }

  async #readBack() {
    const first = this.#beginning();
    const begin = Math.max(first - BACK_BYTES, 0);
    const attempt = this.#attempt;
    const earlier = [];
    let at = begin;
    while (at < first) {
      const page = await ask(`/runs/${this.run}/logs?attempt=${attempt}&offset=${at}&tail=${PAGE_LINES}`);
      earlier.push(...page.lines.filter(({ offset }) => offset < first));
      if (page.next_offset <= at) break;
      at = page.next_offset;
    }
    if (attempt !== this.#attempt || this.#found !== null) return;
    if (begin > 0) earlier.shift(); // begins within a line
    const before = this.#shown.length;
    this.#lines.unshift(...earlier.map((line) => lineOf(line)));
    this.#refilter();
    this.space.style.height = `${this.#shown.length * LINE_PX}px`;
    this.#moveTo(this.box.scrollTop + (this.#shown.length - before) * LINE_PX);
  }

  #moveTo(top) {
    this.box.scrollTop = top;
    this.#ours = this.box.scrollTop;
  }

  #paint() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    const total = this.#shown.length;
    this.empty.hidden = total > 0;
    this.space.style.height = `${total * LINE_PX}px`;
    const end = total * LINE_PX - this.box.clientHeight;
    if (this.follow.checked && end > 0) {
      this.#moveTo(end + LINE_PX);
    }
    const first = Math.max(Math.floor(this.box.scrollTop / LINE_PX) - SPARE, 0);
    const last = Math.min(first + Math.ceil(this.box.clientHeight / LINE_PX) + 2 * SPARE, total);
    this.window.style.transform = `translateY(${first * LINE_PX}px)`;
    this.#place(this.#shown.slice(first, last));
    Object.assign(this.box.dataset, { lines: total, first });
    // Lines of a level are looked for in all of the log; a bar of progress is one line, however much it wrote.
    const hasRoom = end <= 0 && (this.level.value !== "" || total > 0);
    if (hasRoom || (first === 0 && !this.follow.checked)) this.#goBack();
    this.empty.textContent = this.#sayWhyEmpty();
  }

  /** A line that stays keeps its element: what somebody has selected stays selected while a run writes. */
  #place(lines) {
    const wanted = new Set(lines);
    for (const [line, element] of this.#elements) {
      if (wanted.has(line)) continue;
      element.remove();
      this.#elements.delete(line);
    }
    let next = this.window.firstChild;
    for (const line of lines) {
      const element = this.#elements.get(line);
      if (element) {
        drawLine(line, element);
        next = element.nextSibling;
      } else {
        const fresh = drawLine(line, document.createElement("div"));
        this.#elements.set(line, fresh);
        this.window.insertBefore(fresh, next);
      }
    }
  }

  #sayWhyEmpty() {
    if (!this.#lines.length) return "Nothing was written yet.";
    return this.#going === null ? "No line is like that." : "Looking further back …";
  }
}

function drawLine({ text, level, note }, element) {
  const shown = text || " ";
  if (element.textContent === shown) return element;
  element.className = note ? "line note-line" : "line";
  if (level) element.dataset.level = level;
  else delete element.dataset.level;
  element.textContent = shown;
  return element;
}

const noteLevel = (level) => (level === "error" || level === "critical" ? "error" : level === "warning" ? "warning" : "");
const lineOf = ({ text, offset }, sought = "") => ({ ...clean(text, sought), offset });

/** What is left of a line that was written over: its newest text, or the newest one that holds what was sought. */
function clean(raw, sought = "") {
  const written = raw.split(/[\r\n]+/).filter(Boolean).reverse();
  const wanted = sought.toLowerCase();
  const found = written.find((text) => text.toLowerCase().includes(wanted)) ?? written[0] ?? "";
  const text = found.replace(ESCAPES, "");
  return { text, level: levelOf(text) };
}
