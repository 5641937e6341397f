"""The audit of dependencies, against a service of vulnerabilities that is a test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

_KNOWN = {
    "id": "PYSEC-0000-1",
    "summary": "it is made up",
    "affected": [
        {
            "package": {"name": "leaky", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


class _Osv(BaseHTTPRequestHandler):
    """Knows of one package that it is vulnerable."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"vulns": [_KNOWN]} if asked["package"]["name"] == "leaky" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in the base class)
        """Tests are quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Osv)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def _audit(lock: Path, url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AUDIT_URL": url, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "tests.audit", str(lock)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text("sound==1.0\n")
    return path


def test_packages_without_a_known_vulnerability_pass(lock: Path, url: str) -> None:
    done = _audit(lock, url)
    assert (done.returncode, done.stdout) == (
        0,
        "audited: 1 of 1 packages of requirements.lock, 0 with known vulnerabilities\n",
    )


def test_a_known_vulnerability_fails_with_its_name_and_the_version_that_is_free_of_it(
    lock: Path, url: str
) -> None:
    lock.write_text("sound==1.0\nleaky==1.5\n")
    done = _audit(lock, url)
    assert done.returncode == 1
    assert "vulnerable: leaky 1.5: PYSEC-0000-1, fixed in 2.0" in done.stdout


def test_a_service_that_cannot_be_reached_is_told_and_does_not_fail_the_build(lock: Path) -> None:
    done = _audit(lock, "http://127.0.0.1:9/v1/query")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "not audited: requirements.lock: http://127.0.0.1:9/v1/query does not answer"
    )


def test_a_lock_file_that_cannot_be_read_fails(lock: Path, url: str) -> None:
    lock.write_text("sound>=1.0\n")
    done = _audit(lock, url)
    assert done.returncode == 1
    assert "pip-audit failed" in done.stdout


def test_the_lock_file_of_this_project_can_be_audited(url: str) -> None:
    done = _audit(ROOT / "requirements.lock", url)
    pinned = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    assert done.returncode == 0, done.stdout
    assert f"audited: {len(pinned)} of {len(pinned)} packages" in done.stdout
