"""The sender against a real receiver on loopback."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from headway.client.sender import MAX_URL, HttpSender
from headway.domain.clock import utc_now
from headway.domain.errors import InvalidInput
from headway.ports.webhooks import Outcome
from tests.fakes.receiver import Answer, Receiver, running_receiver

PUBLIC = "93.184.215.14"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as started:
        yield started


def make_sender(*resolved: list[str], allow_private: bool = True, deadline_s: float = 5.0) -> HttpSender:
    """A sender whose names resolve as told: to one list after the other, the last of which stays."""
    answers = list(resolved)

    def look_up(_host: str, _port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return HttpSender(
        allow_http=True,
        allow_private=allow_private,
        deadline_s=deadline_s,
        resolver=look_up if resolved else lambda host, _port: [host],
    )


def test_a_message_arrives_as_it_was_given(receiver: Receiver) -> None:
    url = receiver.url + "?a=b%20c"

    outcome = make_sender().send(url, {"webhook-id": "msg_1"}, "{é}".encode())

    assert outcome == Outcome(204)
    (message,) = receiver.messages
    assert (message.path, message.id, message.body) == ("/in?a=b%20c", "msg_1", "{é}")
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer(Answer(status, (("Location", receiver.url),)), Answer(200))

    assert make_sender().send(receiver.url, {}, b"") == Outcome(status, f"answered {status}")
    assert len(receiver.messages) == 1


_NEVER = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"


def test_what_a_receiver_asks_to_wait_is_told(receiver: Receiver) -> None:
    later = format_datetime(utc_now() + timedelta(hours=1), usegmt=False)
    receiver.answer(*(Answer(503, (("Retry-After", text),)) for text in ("120", later, "soon", "-5", _NEVER)))

    asked = [make_sender().send(receiver.url, {}, b"").retry_after_s for _ in range(5)]

    assert asked[0] == 120.0
    assert asked[1] == pytest.approx(3600, abs=60)
    assert asked[2:] == [None, None, None]


def test_a_receiver_that_is_not_there_is_an_outcome() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = make_sender().send(f"http://127.0.0.1:{free.getsockname()[1]}", {}, b"")

    assert outcome.status is None
    assert "no answer" in str(outcome.error)


@pytest.mark.parametrize("answer", [Answer(hold=True), Answer(drip=True)], ids=["silent", "dripping"])
def test_a_receiver_that_is_slow_is_left_at_the_deadline(receiver: Receiver, answer: Answer) -> None:
    receiver.answer(answer)

    outcome = make_sender(deadline_s=0.3).send(receiver.url, {}, b"")

    assert outcome.status is None
    assert "no answer in time" in str(outcome.error)


def test_a_name_that_has_no_address_is_an_outcome() -> None:
    def fail(host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, f"{host} is not known")

    sender = HttpSender(resolver=fail)

    assert "is not known" in str(sender.send("https://hooks.example.org", {}, b"").error)


def test_a_name_that_nobody_resolves_is_left_at_the_deadline() -> None:
    answered = threading.Event()

    def stay_silent(_host: str, _port: int) -> list[str]:
        answered.wait(60)
        return ["127.0.0.1"]

    outcome = HttpSender(resolver=stay_silent, deadline_s=0.2).send("https://silent.example/", {}, b"{}")
    answered.set()

    assert outcome.status is None  # what is left of the deadline depends on how busy the machine is
    assert "no answer: the name silent.example was not resolved within 0." in str(outcome.error)


def test_every_address_of_a_name_is_looked_at(receiver: Receiver) -> None:
    sender = make_sender([PUBLIC, "127.0.0.1"], allow_private=False)

    outcome = sender.send(f"http://hooks.example.org:{receiver.port}/", {}, b"")

    assert "127.0.0.1 is a private address" in str(outcome.error)
    assert receiver.messages == []


def test_a_name_is_connected_to_by_the_address_that_was_looked_at(receiver: Receiver) -> None:
    """Resolved once more in between, it would be another."""
    sender = make_sender(["127.0.0.1"], ["169.254.169.254"])
    url = f"http://hooks.example.org:{receiver.port}/in"

    assert sender.send(url, {}, b"") == Outcome(204)
    assert receiver.messages[0].headers["host"] == f"hooks.example.org:{receiver.port}"

    assert "link-local" in str(sender.send(url, {}, b"").error)
    assert len(receiver.messages) == 1


def test_the_certificate_must_be_that_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=hooks.example.org", "-addext", "subjectAltName=DNS:hooks.example.org"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    sender = HttpSender(
        allow_private=True,
        resolver=lambda *_: ["127.0.0.1"],
        tls=ssl.create_default_context(cafile=str(certificate)),
    )

    with running_receiver(tls=serving) as receiver:
        assert sender.send(f"https://hooks.example.org:{receiver.port}", {}, b"") == Outcome(204)
        other = sender.send(f"https://other.example.org:{receiver.port}", {}, b"")
        untrusting = HttpSender(allow_private=True, resolver=lambda *_: ["127.0.0.1"])
        unknown = untrusting.send(f"https://hooks.example.org:{receiver.port}", {}, b"")

    assert "certificate" in str(other.error)
    assert "certificate" in str(unknown.error)
    assert len(receiver.messages) == 1


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    assert make_sender().send(receiver.url, {}, b"") == Outcome(204)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org",
        "ftp://hooks.example.org",
        "file:///etc/passwd",
        "//hooks.example.org",
        "https://",
        "https://[::1",
        "https://user:pass@hooks.example.org",
        "https://localhost/x",
        "https://a.localhost",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://0177.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[64:ff9b::7f00:1]",
        "https://10.1.2.3",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]",
        "https://0.0.0.0",
        f"https://hooks.example.org/{'x' * MAX_URL}",
    ],
)
def test_a_url_that_is_never_sent_to_is_refused_before(url: str) -> None:
    sender = HttpSender()
    with pytest.raises(InvalidInput, match="url"):
        sender.check(url)
    assert "not sent" in str(sender.send(url, {}, b"").error)


def test_what_the_settings_allow_is_accepted_and_metadata_is_not() -> None:
    sender = HttpSender(allow_http=True, allow_private=True)
    for url in ("http://127.0.0.1:9/x", "http://localhost", "https://[::1]:8443", "https://10.0.0.1"):
        sender.check(url)

    for url in ("http://169.254.169.254", "http://[fd00:ec2::254]"):
        with pytest.raises(InvalidInput):
            sender.check(url)
    HttpSender().check("https://hooks.example.org:8443/a?b=c")
