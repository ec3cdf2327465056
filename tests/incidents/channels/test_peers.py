"""Against real peers: Debian's Alertmanager receives, groups, inhibits and resolves; an SMTP server takes a page; a
webhook that fails, dies and comes back gets every notice under one key."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from incidents.channels.alertmanager import Alertmanager, AlertMirror
from incidents.channels.dispatch import Dispatcher
from incidents.channels.opening import open_channels
from incidents.channels.sender import Threads
from incidents.channels.settings import ChannelSettings, Notifying
from incidents.model import Change, Harm, Kind, Priority, Scope, Status
from incidents.people.settings import LevelSettings, OncallSettings, PersonSettings
from tests.incidents.channels.givens import T0, everyone, limits, notice, transition
from tests.incidents.probes.peers import PATH, free_port, needed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(__file__).resolve().parents[3] / "infra" / "alertmanager" / "alertmanager.yml"


class Receiver:
    """A webhook: keeps what it gets, answers `status`; `stop` closes its port, `start` opens the same one again."""

    def __init__(self) -> None:
        self.port, self.status, self.got = free_port(), 200, list[tuple[dict[str, str], bytes]]()
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                if receiver.status == 503:
                    self.send_header("Retry-After", "40")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def one_person(*channels: str, **more: Any) -> Notifying:
    person = PersonSettings(id="anna", channels=channels)
    return Notifying(
        person=(person,), oncall=OncallSettings(level=(LevelSettings(people=("anna",)),)), **more
    )


def test_a_webhook_that_fails_dies_and_comes_back_gets_every_notice_under_one_key(receiver: Receiver) -> None:
    hook = ChannelSettings(id="hook", kind="webhook", url=receiver.url, secret="env:HOOK")  # noqa: S106 - where it is
    settings = one_person("hook", channel=(hook,), notices=limits(first_wait=5))
    opened = open_channels(settings, {"HOOK": "s3cret-of-the-hook"})
    assert opened.problems == []
    dispatcher = Dispatcher(settings, opened.channels, sender=Threads())
    receiver.status = 503
    (failed,) = dispatcher.step(T0, [transition(), notice()]).deliveries
    assert failed.error == "status 503"
    assert dispatcher.due() == T0 + 40, "it asked for that"
    receiver.stop()
    (dead,) = dispatcher.step(T0 + 40).deliveries
    assert dead.error == "connection refused"
    receiver.start()
    receiver.status = 200
    dispatcher = Dispatcher(settings, opened.channels)
    dispatcher.recover([transition(), notice()], [failed, dead])
    now = dispatcher.due() or 0.0
    (sent,) = dispatcher.step(now).deliveries
    assert (sent.ok, sent.attempt) == (True, 3)
    headers, body = receiver.got[-1]
    assert {head["Idempotency-Key"] for head, _ in receiver.got} == {headers["Idempotency-Key"]}
    stamp, _, digest = headers["X-Prebill-Signature"].partition(",v1=")
    stamped = stamp.removeprefix("t=").encode() + b"." + body
    assert hmac.new(b"s3cret-of-the-hook", stamped, hashlib.sha256).hexdigest() == digest
    (told,) = receiver.bodies[-1]["notices"]
    assert (told["notice"], told["incident"], told["reason"]) == ("n1", "i1", "probes of c1 fail")


def test_one_that_hangs_holds_up_no_other(receiver: Receiver) -> None:
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hooks = (
            ChannelSettings(id="silent", kind="webhook", url=f"http://127.0.0.1:{silent.getsockname()[1]}/"),
            ChannelSettings(id="hook", kind="webhook", url=receiver.url),
        )
        settings = one_person("silent", "hook", channel=hooks)
        dispatcher = Dispatcher(
            settings, open_channels(settings, {}).channels, sender=Threads(patience_s=0.3)
        )
        begun = time.monotonic()
        step = dispatcher.step(T0, [everyone()])
        assert time.monotonic() - begun < 5
        assert [(each.channel, each.ok) for each in step.deliveries] == [("hook", True)]
        assert dispatcher.undelivered == 1, "the other is still under way"


def test_a_redirect_is_not_followed_and_what_is_refused_is_not_tried_again(receiver: Receiver) -> None:
    hook = ChannelSettings(id="hook", kind="webhook", url=receiver.url)
    settings = one_person("hook", channel=(hook,))
    for number, status in enumerate((302, 401)):
        receiver.status = status
        dispatcher = Dispatcher(settings, open_channels(settings, {}).channels)
        step = dispatcher.step(T0, [notice(notice=f"n{number}")])
        assert [(each.reason, each.error) for each in step.deliveries] == [("gave_up", f"status {status}")]
        assert step.failed


def test_a_page_by_mail_through_apprise_and_a_dead_mail_server() -> None:
    from aiosmtpd.controller import Controller

    letters: list[Any] = []

    class Kept:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            letters.append(
                (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
            )
            return "250 kept"

    port = free_port()
    controller = Controller(Kept(), hostname="127.0.0.1", port=port)
    controller.start()
    secret = "paSSw0rd-of-mail"  # noqa: S105 - looked for in what is told
    url = f"mailto://anna:{secret}@127.0.0.1:{port}?from=prebill@example.ru&to=anna@example.ru&mode=insecure"
    settings = one_person("env:ANNA_MAIL")
    settings = replace(settings, person=(replace(settings.person[0], lang="ru"),))
    try:
        opened = open_channels(settings, {"ANNA_MAIL": url.replace(f"anna:{secret}@", "")})
        assert opened.problems == []
        hostile = (
            transition()
            .evidence[0]
            .__class__(T0, "probe", "<script>alert(1)</script>\r\nBcc: all@example.ru")
        )
        step = Dispatcher(settings, opened.channels).step(T0, [everyone(evidence=(hostile,))])
        assert [(each.channel, each.ok, each.error) for each in step.deliveries] == [
            ("env:ANNA_MAIL", True, "")
        ]
        ((to, letter),) = letters
        assert to == ["anna@example.ru"]
        assert letter["Subject"] == "ВСЕМ · авария · клиент c1"
        assert letter["Bcc"] is None
        html = letter.get_body(("html",)).get_content()
        assert "&lt;script&gt;" in html
        assert "<script>" not in html
        assert "prebill incidents ack i1 --actor anna" in letter.get_body(("plain",)).get_content()
    finally:
        controller.stop()
    opened = open_channels(settings, {"ANNA_MAIL": url})
    (failed,) = Dispatcher(settings, opened.channels).step(T0, [notice()]).deliveries
    assert not failed.ok
    assert failed.reason == "failed"
    assert failed.error
    assert secret not in failed.error


def test_secrets_that_are_not_there_or_make_no_url_are_told_without_them(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("tgram://this-is-a-hidden-token")
    settings = one_person("env:NOT_SET", f"file:{tmp_path / 'url'}", "nosuch://hidden-in-here")
    opened = open_channels(settings, {})
    assert len(opened.problems) == 3
    assert not [line for line in opened.problems if "hidden" in line]
    step = Dispatcher(settings, opened.channels).step(T0, [notice()])
    assert [each.notice for each in step.failed] == ["n1"]
    assert all("hidden" not in f"{each.error}{each.channel}" for each in step.deliveries)


class Running:
    """Debian's Alertmanager with our configuration and a receiver of our own."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        import subprocess

        text = CONFIG.read_text().replace("http://127.0.0.1:9099/alerts", receiver.url)
        assert receiver.url in text
        (folder / "am.yml").write_text(
            text.replace("group_wait: 5s", "group_wait: 0s").replace(
                "group_interval: 1m", "group_interval: 1s"
            )
        )
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process = subprocess.Popen(
            [
                needed("prometheus-alertmanager", "prometheus-alertmanager"),
                f"--config.file={folder / 'am.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": PATH},
        )
        wait_until(self._ready, "Alertmanager answers")

    def _ready(self) -> bool:
        try:
            return bool(self.ask("/-/ready", plain=True))
        except OSError:
            return False

    def ask(self, path: str, *, plain: bool = False) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:  # noqa: S310 - loopback
            body = answer.read()
            return body if plain else json.loads(body)

    def alerts(self) -> dict[str, Any]:
        return {each["labels"]["incident"]: each for each in self.ask("/api/v2/alerts")}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def alertmanager(tmp_path: Path, receiver: Receiver) -> Iterator[Running]:
    needed("prometheus-alertmanager", "prometheus-alertmanager")
    made = Running(tmp_path, receiver)
    yield made
    made.stop()


def test_alertmanager_receives_groups_inhibits_and_resolves(
    alertmanager: Running, receiver: Receiver
) -> None:
    import time

    now = float(int(time.time()))  # Alertmanager has a clock of its own
    mirror = AlertMirror("alerts", Alertmanager(alertmanager.url))
    gap = transition(
        at=now - 60,
        incident="gap-1",
        kind=Kind.BILLING_GAP,
        harm=Harm.NONE,
        priority=Priority.NORMAL,
        scope=Scope("edge", "e1"),
        reason="logs of edge e1 are lost; the clients are served",
    )
    outage = transition(
        at=now - 30, incident="out-1", scope=Scope("edge", "e1"), priority=Priority.COMPANY_WIDE
    )
    unrelated = replace(gap, incident="gap-2", scope=Scope("edge", "e2"))
    for each in (gap, unrelated):
        mirror.take(each)
    assert [delivery.ok for delivery in mirror.step(now)] == [True, True]
    assert {name: alert["status"]["state"] for name, alert in alertmanager.alerts().items()} == {
        "gap-1": "active",
        "gap-2": "active",
    }
    mirror.take(outage)
    mirror.step(now + 1)
    mirror.take(replace(outage, at=now + 2, change=Change.UPDATED, harm=Harm.SUSPECTED))
    assert [delivery.ok for delivery in mirror.step(now + 2)] == [True]
    wait_until(
        lambda: alertmanager.alerts()["gap-1"]["status"]["state"] == "suppressed", "the gap is inhibited"
    )
    found = alertmanager.alerts()
    assert found["gap-1"]["status"]["inhibitedBy"] == [found["out-1"]["fingerprint"]]
    assert found["gap-2"]["status"]["state"] == "active", "another edge's"
    assert found["out-1"]["annotations"]["harm"] == "suspected", "the same alert, told anew"
    assert len(found) == 3
    wait_until(
        lambda: any(_tells(body, "out-1", "firing") for body in receiver.bodies), "the outage is forwarded"
    )
    mirror.take(replace(outage, at=now, change=Change.RESOLVED, status=Status.RESOLVED, harm=Harm.NONE))
    assert [delivery.ok for delivery in mirror.step(now + 3)] == [True]
    wait_until(
        lambda: any(_tells(body, "out-1", "resolved") for body in receiver.bodies), "its end is forwarded"
    )
    wait_until(lambda: alertmanager.alerts()["gap-1"]["status"]["state"] == "active", "the gap resumes")


def test_an_alertmanager_that_was_away_is_told_everything_again(
    alertmanager: Running, receiver: Receiver, tmp_path: Path
) -> None:
    import time

    now = float(int(time.time()))
    mirror = AlertMirror("alerts", Alertmanager(alertmanager.url, timeout_s=2))
    mirror.take(transition(at=now - 9))
    mirror.step(now)
    alertmanager.stop()
    mirror.take(transition(at=now, change=Change.RAISED, priority=Priority.COMPANY_WIDE))
    (failed,) = mirror.step(now + 1)
    assert not failed.ok
    assert mirror.step(now + 2) == [], "not at every step"
    folder = tmp_path / "again"
    folder.mkdir()
    again = Running(folder, receiver)
    try:
        mirror._channel = Alertmanager(again.url)
        (told,) = mirror.step(now + 7)
        assert (told.ok, told.attempt) == (True, 2)
        assert again.alerts()["i1"]["annotations"]["priority"] == "company_wide"
    finally:
        again.stop()


def _tells(body: Any, incident: str, status: str) -> bool:
    return any(
        each["labels"]["incident"] == incident and each["status"] == status for each in body.get("alerts", [])
    )
