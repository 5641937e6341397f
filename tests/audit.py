"""`make audit`: are there known vulnerabilities in what `requirements.lock` pins?

Asks a service that speaks OSV's protocol (AUDIT_URL, by default api.osv.dev), through pip-audit. A known one fails. A
service that cannot be reached does not: then it says that nothing was audited, so that nobody takes it for a pass.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

_URL = "https://api.osv.dev/v1/query"
_KNOWN = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "24.0"}
_TIMEOUT_S = 10


def audit(lock: Path, url: str) -> int:
    """Say what is known of the packages of a lock file; 1 when something is, or when it could not be looked up."""
    trouble = _find_trouble(url)
    if trouble is not None:
        _say(f"not audited: {lock.name}: {url} does not answer ({trouble})")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(_command(lock, url, report), capture_output=True, text=True, check=False)
        if not report.exists():
            _say(f"not audited: {lock.name}: pip-audit failed\n{done.stdout}{done.stderr}")
            return 1
        packages: list[dict[str, Any]] = json.loads(report.read_text())["dependencies"]
    return _tell(lock, packages)


def _find_trouble(url: str) -> str | None:
    """Why the service cannot be asked; None when it can."""
    try:
        answer = httpx.post(url, json=_KNOWN, timeout=_TIMEOUT_S).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None if isinstance(answer, dict) else "it is no service of this kind"


def _command(lock: Path, url: str, report: Path) -> list[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", url, "--timeout", str(_TIMEOUT_S)]
    return [*command, "--progress-spinner", "off", "--format", "json", "--output", str(report)]


def _tell(lock: Path, packages: list[dict[str, Any]]) -> int:
    for package in packages:
        for known in package.get("vulns", ()):
            fixed = ", ".join(known["fix_versions"]) or "no version"
            _say(f"vulnerable: {package['name']} {package['version']}: {known['id']}, fixed in {fixed}")
        if "skip_reason" in package:
            _say(f"not audited: {package['name']}: {package['skip_reason']}")
    vulnerable = sum(bool(package.get("vulns")) for package in packages)
    audited = sum("skip_reason" not in package for package in packages)
    _say(
        f"audited: {audited} of {len(packages)} packages of {lock.name}, {vulnerable} with known vulnerabilities"
    )
    return 1 if vulnerable else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(audit(Path(sys.argv[1]), os.environ.get("AUDIT_URL") or _URL))
