// Zoom without a mouse: by keys while a chart has the focus, by fingers on it.

const FINEST = 1e-4; // of the whole
const KEY_FACTOR = 2;
const KEY_MOVE = 0.25; // of what is shown
const SLACK_PX = 10; // a finger that moves less has tapped

/** @typedef {{min: number, max: number}} Range */

/** Told with the name of a chart. */
export const HELP = "+ and − zoom, the arrows move, 0 shows all";
export const SHORTCUTS = "+ - ArrowLeft ArrowRight 0 Escape";

/** As near to a range as the whole allows; null for all of it. @param {Range} range @param {Range} whole */
export function within({ min, max }, whole) {
  const width = max - min;
  if (!(width < whole.max - whole.min)) return null;
  const begin = Math.min(Math.max(min, whole.min), whole.max - width);
  return { min: begin, max: begin + width };
}

/** So many times as wide, around its middle. */
export function widen(shown, whole, factor) {
  const half = Math.max(((shown.max - shown.min) * factor) / 2, ((whole.max - whole.min) * FINEST) / 2);
  const middle = (shown.min + shown.max) / 2;
  return within({ min: middle - half, max: middle + half }, whole);
}

/** By a part of what is shown, to the right where it is positive. */
export function move(shown, whole, part) {
  const by = (shown.max - shown.min) * part;
  return within({ min: shown.min + by, max: shown.max + by }, whole);
}

const KEYS = {
  "+": (shown, whole) => widen(shown, whole, 1 / KEY_FACTOR),
  "-": (shown, whole) => widen(shown, whole, KEY_FACTOR),
  ArrowLeft: (shown, whole) => move(shown, whole, -KEY_MOVE),
  ArrowRight: (shown, whole) => move(shown, whole, KEY_MOVE),
  0: () => null,
  Escape: () => null,
};
const SAME = { "=": "+", "−": "-", _: "-" };

/** @param {HTMLElement} host @param {() => {shown: Range, whole: Range}} look @param {(range: Range | null) => void} ask */
export function zoomByKeys(host, look, ask) {
  host.addEventListener("keydown", (event) => {
    const act = KEYS[SAME[event.key] ?? event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { shown, whole } = look();
    ask(act(shown, whole));
  });
}

/**
 * One finger marks a stretch, two pull it wider or narrower, and move it. Up and down still scrolls the page (CSS).
 * `surface()`: what is under the fingers, with its width and the value at each place; `hold(range)`: what is shown while
 * they move; `mark(from, to)`: the stretch that is marked, in pixels.
 */
export function zoomByTouch(host, { surface, look, hold, mark, ask }) {
  const fingers = new Map(); // where each began and is, in pixels
  let pinch = null; // what lay under both when the second came
  let wish; // of two fingers

  const placeOf = ({ clientX }) => clientX - surface().box.left;

  const begin = (event) => {
    if (event.pointerType !== "touch" || fingers.size === 2) return;
    const at = placeOf(event);
    fingers.set(event.pointerId, { began: at, at });
    if (fingers.size === 2) {
      mark(0, 0);
      pinch = [...fingers.values()].map((finger) => surface().valueAt(finger.at));
    }
  };

  const turn = (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    finger.at = placeOf(event);
    if (pinch === null) {
      if (Math.abs(finger.at - finger.began) >= SLACK_PX) mark(finger.began, finger.at);
      return;
    }
    const [one, other] = [...fingers.values()].map(({ at }) => at);
    const slope = (pinch[1] - pinch[0]) / (other - one);
    const min = pinch[0] - slope * one;
    if (!(slope > 0) || !Number.isFinite(min)) return;
    const { whole } = look();
    wish = within({ min, max: min + slope * surface().box.width }, whole);
    hold(wish ?? whole);
  };

  const end = (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    fingers.clear();
    mark(0, 0);
    hold(null);
    const isMeant = event.type === "pointerup";
    if (pinch !== null && wish !== undefined && isMeant) ask(wish);
    else if (pinch === null && isMeant && Math.abs(finger.at - finger.began) >= SLACK_PX) {
      const [min, max] = [finger.began, finger.at].sort((a, b) => a - b).map((at) => surface().valueAt(at));
      ask(within({ min, max }, look().whole));
    }
    pinch = null;
    wish = undefined;
  };

  host.addEventListener("pointerdown", begin);
  host.addEventListener("pointermove", turn);
  for (const kind of ["pointerup", "pointercancel"]) host.addEventListener(kind, end);
}
