// What stands at the marks of a scale.

const DAY_S = 86_400;
const month = new Intl.DateTimeFormat("en-US", { month: "short" });
const day = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric" });
const time = new Intl.DateTimeFormat("en-US", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A number as short as it can be. */
export function sayTick(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential().replace(/(\.\d)\d+/, "$1") : String(Number(value.toPrecision(6)));
}

/** A fraction in percent. */
export function sayShareTick(value) {
  return value === null || value === undefined ? "" : `${Number((100 * value).toPrecision(6))} %`;
}

/** Local times at marks so many seconds apart: the year where it begins, the day where it begins, else the hour. */
export function labelTimes(splits, apart_s) {
  let year = null;
  return splits.map((at_s) => {
    const at = new Date(at_s * 1000);
    const isNewYear = at.getFullYear() !== year;
    year = at.getFullYear();
    if (apart_s >= 360 * DAY_S) return String(year);
    if (apart_s >= 28 * DAY_S) return isNewYear ? `${month.format(at)} ${year}` : month.format(at);
    if (apart_s >= DAY_S) return isNewYear ? `${day.format(at)}, ${year}` : day.format(at);
    return at.getHours() || at.getMinutes() ? time.format(at) : day.format(at);
  });
}

/** The first and the last of some moments; nothing where there is none. */
export const spanOf = (moments) => (moments.length ? [moments[0], moments.at(-1)] : []);

/** A moment in full, in local time. */
export const sayMoment = (at_s) => moment.format(new Date(at_s * 1000));
