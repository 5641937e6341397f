"""Scripts that a browser runs before a page does: they note when something is drawn, by the clock of this machine."""

from __future__ import annotations

CHARTS = """
window.drawn = [];  // [newest step on a chart, points on it, ms since 1970], at the end of each drawing
let real;
Object.defineProperty(window, "uPlot", {
  configurable: true,
  get: () => real,
  set: (made) => {
    real = class extends made {
      constructor(options, data, place) {
        const note = (plot) => {
          const [steps] = plot.data;
          window.drawn.push([steps.at(-1) ?? -1, steps.length, performance.timeOrigin + performance.now()]);
        };
        super({ ...options, hooks: { ...options.hooks, draw: [...(options.hooks?.draw ?? []), note] } }, data, place);
      }
    };
  },
});
"""
"""Charts: each drawing of uPlot."""

CONSOLE = """
window.lines = new Map();  // text of a line, and when it came into the page, ms since 1970
document.addEventListener("DOMContentLoaded", () => {
  const note = () => {
    const now = performance.timeOrigin + performance.now();
    for (const { textContent } of document.querySelectorAll("#console .line")) {
      if (!window.lines.has(textContent)) window.lines.set(textContent, now);
    }
  };
  const place = document.querySelector("#console .console-lines");
  if (place) new MutationObserver(note).observe(place, { childList: true });
});
"""
"""The console: each line that is new there."""
