// One socket to a run, kept open: behind the last cursor after every break, so that nothing is missed or told twice.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const SILENT_MS = 45_000; // the server pings, but a page sees no pings: a silent socket proves nothing, a new one does
const SOON_MS = 5_000; // silence that makes a socket doubtful where something else speaks against it
const OPENING_MS = 10_000; // a network that swallows everything refuses nothing
const HIDDEN_FLUSH_MS = 500;
const DONE = 1000;
const REFUSED = 1008;
const UNAUTHORIZED = 4401;

/**
 * Follows a run and hands over what comes, once per animation frame.
 *
 * States: `connecting`, `live`, `reconnecting` (with the time since when), `paused` (nobody looks), `ended`,
 * `signed-out`, `refused` (with the reason).
 */
export class Live {
  #socket = null;
  #cursor = null;
  #frames = [];
  #scheduled = false;
  #failures = 0;
  #timer = 0;
  #hiding = 0;
  #since = null;
  #heardAt = 0;
  #told = false; // something was handed over since the first picture

  /**
   * @param {string} run its id
   * @param {object} options
   * @param {(frames: object[]) => void} options.onFrames all that came since the last call, in order
   * @param {(state: string, detail?: string | Date) => void} options.onState
   * @param {() => void} [options.onRestart] the first picture comes again: forget what was told
   * @param {number} [options.hiddenForMs] a hidden page lets go of its socket after so long
   * @param {number} [options.silentForMs] a socket that says nothing for so long is made anew
   */
  constructor(run, { onFrames, onState, onRestart = () => {}, hiddenForMs = 30_000, silentForMs = SILENT_MS }) {
    this.run = run;
    this.state = "connecting";
    this.onFrames = onFrames;
    this.onState = onState;
    this.onRestart = onRestart;
    this.hiddenForMs = hiddenForMs;
    this.silentForMs = silentForMs;
    document.addEventListener("visibilitychange", () => this.#look());
    document.addEventListener("signed-in", () => this.#hurry()); // page.js tells it
    addEventListener("online", () => { this.#hurry(); this.doubt(0); });
    addEventListener("pageshow", (event) => event.persisted && this.#hurry());
    setInterval(() => this.doubt(this.silentForMs), silentForMs / 3);
  }

  start() {
    this.#connect();
    this.#look();
  }

  /** A run that had ended goes on: follow it behind what was told. */
  again() {
    if (this.#socket === null && this.state === "ended") this.#connect();
  }

  /**
   * A laptop that slept, a network that changed: the socket looks open and is not. One that was silent so long is made
   * anew, behind the cursor: that costs little, and nothing is missed or told twice.
   */
  doubt(silentMs = SOON_MS) {
    if (this.state !== "live" || Date.now() - this.#heardAt < silentMs) return;
    if (this.#cursor === null) this.#drop(() => this.#reconnectLater());
    else this.#drop(() => this.#connect());
  }

  /** Where it stands. */
  get cursor() {
    return this.#cursor;
  }

  #tell(state, detail) {
    this.state = state;
    this.onState(state, detail);
  }

  #connect() {
    clearTimeout(this.#timer);
    if (this.#cursor === null && this.#told) this.#restart();
    const address = new URL(`/runs/${encodeURIComponent(this.run)}/stream`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    if (this.#cursor !== null) address.searchParams.set("after", this.#cursor);
    const socket = new WebSocket(address, ["headway"]);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", (message) => this.#hear(socket, message.data));
    socket.addEventListener("close", (event) => this.#closed(socket, event));
    this.#heardAt = Date.now();
    this.#timer = setTimeout(() => this.#giveUp(socket), OPENING_MS);
  }

  #restart() {
    this.#told = false;
    this.onRestart();
  }

  #giveUp(socket) {
    if (socket === this.#socket && socket.readyState === WebSocket.CONNECTING) this.#drop(() => this.#reconnectLater());
  }

  #opened(socket) {
    if (socket !== this.#socket) return;
    this.#heardAt = Date.now();
    this.#settled(socket);
  }

  /** Live once it stays open: a server that refuses opens too, to say why. */
  #settled(socket) {
    setTimeout(() => {
      if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN || this.state === "live") return;
      this.#becomeLive();
    }, 300);
  }

  #becomeLive() {
    this.#failures = 0;
    this.#since = null;
    this.#tell("live");
  }

  #hear(socket, text) {
    if (socket !== this.#socket) return;
    const frame = JSON.parse(text);
    this.#heardAt = Date.now();
    this.#cursor = frame.cursor ?? this.#cursor;
    this.#frames.push(frame);
    if (this.state !== "live") this.#becomeLive();
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (document.hidden) setTimeout(() => this.#flush(), HIDDEN_FLUSH_MS);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    this.#scheduled = false;
    const frames = this.#frames;
    this.#frames = [];
    if (!frames.length) return;
    this.#told = true;
    this.onFrames(frames);
  }

  #closed(socket, { code, reason }) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#flush();
    if (code === DONE) this.#tell("ended");
    else if (code === UNAUTHORIZED) this.#tell("signed-out");
    else if (code === REFUSED && this.#cursor !== null) this.#startOver();
    else if (code === REFUSED) this.#tell("refused", reason);
    else this.#reconnectLater();
  }

  /** The server knows nothing of the cursor: its data were put back to an earlier state. */
  #startOver() {
    this.#cursor = null;
    this.#reconnectLater();
  }

  #reconnectLater() {
    this.#since ??= new Date();
    this.#tell("reconnecting", this.#since);
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    // Not all at once: every page lost the server at the same moment.
    this.#timer = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }

  #drop(then) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    clearTimeout(this.#timer);
    this.#flush();
    then();
  }

  #hurry() {
    if (this.state !== "reconnecting" && this.state !== "signed-out" && this.state !== "paused") return;
    this.#failures = Math.min(this.#failures, 1);
    if (this.#socket === null) this.#connect();
  }

  /** Costs nothing while nobody looks; goes on by cursor when somebody does. */
  #look() {
    clearTimeout(this.#hiding);
    if (!document.hidden) {
      this.#hurry();
      this.doubt();
    } else if (this.state !== "ended" && this.state !== "refused") {
      this.#hiding = setTimeout(() => this.#drop(() => this.#tell("paused")), this.hiddenForMs);
    }
  }
}
