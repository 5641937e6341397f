// Days as people here count them, and the moments at which they begin.

const AFTER = "created_before"; // a last day is meant whole: it ends where the next one begins

const FIRST_YEAR = 1970; // earlier ones are years that somebody is typing

const pad = (number) => String(number).padStart(2, "0");

/** `2026-01-31` in local time becomes the moment at which it begins, or ends; "" stays "". */
export function momentOf(name, day) {
  const [year, month, date] = day.split("-").map(Number);
  return year >= FIRST_YEAR ? new Date(year, month - 1, date + (name === AFTER ? 1 : 0)).toISOString() : "";
}

/** The local day of a moment: the first that is in, or the last. */
export function dayOf(name, moment) {
  const at = new Date(new Date(moment).getTime() - (name === AFTER ? 1 : 0));
  return Number.isNaN(at.getTime()) ? "" : `${String(at.getFullYear()).padStart(4, "0")}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** Pairs of a field for a day and the hidden one for its moment. */
export function fieldsOf(form) {
  return [...form.querySelectorAll("[data-moment]")].map((day) => [day, form.elements[day.dataset.moment]]);
}
