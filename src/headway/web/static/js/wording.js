// Numbers as people read them; the same words as web/wording.py. What is missing is a dash, never 0.

export const MISSING = "–";
const grouped = new Intl.NumberFormat("en-US");

/** `0.4123`, `12,340`, `2.0e-4`: so many significant digits. */
export function sayNumber(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size < -4 || size >= 7) return value.toExponential(digits - 3).replace(/e([+-])(\d)$/, "e$10$2");
  if (Number.isInteger(value)) return grouped.format(value);
  const decimals = Math.max(digits - 1 - size, 0);
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A count, with every digit. */
export const sayCount = (value) => grouped.format(value);

/** A fraction in percent. */
export function sayShare(value) {
  return value === null || value === undefined ? MISSING : `${(100 * value).toFixed(1)} %`;
}

/** In powers of 1,000. */
export function sayBytes(value) {
  if (value === null || value === undefined) return MISSING;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (Math.abs(value) < 1000) return `${unit === "B" || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** The two largest units: `2 h 5 min`, `3.4 s`. */
export function sayDuration(seconds) {
  if (seconds === null || seconds === undefined) return MISSING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const parts = [];
  let left = Math.round(seconds);
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** How the numbers of a series are worded. */
export function wordingOf(name) {
  if (name.endsWith("_mb")) return "megabytes";
  return /(fraction|coverage|\/da|_da)$/.test(name) ? "share" : "number";
}

/** A number in one of these ways: `number`, `share`, `fine-share`, `megabytes`. */
export function say(value, how) {
  if (how === "fine-share") return value === null || value === undefined ? MISSING : `${sayNumber(100 * value)} %`;
  if (how === "share") return sayShare(value);
  if (how === "megabytes") return sayBytes(value === null || value === undefined ? value : value * 1e6);
  return sayNumber(value);
}

/** How long ago a moment was. */
export function sayAge(moment, now = Date.now()) {
  const seconds = Math.max(Math.round((now - new Date(moment).getTime()) / 1000), 0);
  return seconds < 1 ? "just now" : `${seconds < 10 ? `${seconds} s` : sayDuration(seconds)} ago`;
}

/** A moment for those who are elsewhere. */
export const sayUtc = (moment) => `${new Date(moment).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** The time of day, here. */
export function sayTime(moment) {
  return new Date(moment).toLocaleTimeString(undefined, { hour12: false });
}

/** Progress as a line of text. */
export function sayPace(progress) {
  const of = (done, total) => (total ? `${sayCount(done)} of ${sayCount(total)}` : sayCount(done));
  const parts = [sayShare(progress.fraction)];
  if (progress.phase) parts.push(progress.phase);
  if (progress.step !== null) parts.push(`step ${of(progress.step, progress.steps_total)}`);
  if (progress.epoch !== null && !/\bepoch \d/.test(progress.phase ?? "")) parts.push(`epoch ${of(progress.epoch, progress.epochs_total)}`);
  if (progress.rate_per_s) parts.push(`${sayNumber(progress.rate_per_s, 3)} steps a second`);
  if (progress.eta_s !== null) parts.push(`${sayDuration(progress.eta_s)} left`);
  return parts;
}
