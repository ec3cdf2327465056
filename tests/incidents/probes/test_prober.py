"""The prober: due checks and no others, bounded at once and in time, its evidence handed on whatever the store does."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from incidents.events import Probe, event_of
from incidents.model import Scope
from incidents.probes.checks import Check, Verdict, call_evidence, checks_of, evidence_of
from incidents.probes.outbox import Outbox
from incidents.probes.prober import TICK_S, Prober
from incidents.probes.result import Result
from incidents.probes.schedule import Last, next_due
from incidents.probes.settings import BlackboxSettings, ProbingSettings, TargetSettings
from pipeline.coverage.evidence import parse_evidence
from tests.incidents.probes.peers import REFUSING, SUPPORT_LINE, a_probe, look, seconds
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

T = 1_795_000_000.0
FAST = ProbingSettings(every=seconds("1s"), again=seconds("1s"), timeout=seconds("1s"))


def closed(name: str, customer: str = "c1") -> Any:
    """A probe that fails at once."""
    return a_probe("tcp", name=name, customer=customer, address=REFUSING)


def test_the_probes_of_a_customer_give_one_verdict() -> None:
    edge = TargetSettings(kind="edge", id="e1")
    probes = (closed("a"), closed("b"), a_probe("http", name="d", url="http://x.example/", target=edge))
    checks = checks_of(ProbingSettings(), probes, "msk-1")
    assert [(check.about, check.names) for check in checks] == [
        (("customer", "c1"), "a, b"),
        (("edge", "e1"), "d"),
    ]
    results = (Result(True, "certificate expires in 3 days", 0.1), Result(False, "connect timeout", 5.0))
    verdict = Verdict(checks[0], T, results)
    assert (verdict.ok, verdict.detail, verdict.took_s) == (False, "b: connect timeout", 5.0)
    assert Verdict(checks[0], T, (results[0], Result(None, "no memory"))).ok is None
    assert Verdict(checks[0], T, (results[1], Result(None))).ok is False
    well = Verdict(checks[0], T, (results[0], Result(True)))
    assert (well.ok, well.detail) == (True, "a: certificate expires in 3 days")


def test_each_exporter_is_a_vantage_point_for_the_probes_with_a_module() -> None:
    spb = BlackboxSettings(url="http://spb:9115", vantage="spb-1")
    asked = a_probe("http", name="a", url="http://x.example/", module="http_2xx")
    checks = checks_of(ProbingSettings(blackbox=(spb,)), (asked, closed("b")), "msk-1")
    assert [(check.vantage, check.names, check.exporter) for check in checks] == [
        ("msk-1", "a, b", ""),
        ("spb-1", "a", "http://spb:9115"),
    ]


def test_evidence_is_what_the_engine_reads() -> None:
    bodies = [
        evidence_of(Verdict(Check("v", probe.about, (probe,)), T, (Result(False, "connect timeout", 0.25),)))
        for probe in (
            closed("a"),
            a_probe("sip", target=SUPPORT_LINE, address="192.0.2.1"),
            a_probe("tcp", target=TargetSettings(kind="edge", id="e1"), address="192.0.2.1:443"),
        )
    ]
    lines = [msgspec.json.encode(body) for body in bodies]
    events = [event_of(each) for each in parse_evidence(lines, actor="probe", now=T)]
    scopes = (Scope("customer", "c1"), Scope("support_line"), Scope("edge", "e1"))
    assert events == [Probe(at=T, scope=s, vantage="v", ok=False, detail="connect timeout") for s in scopes]
    assert evidence_of(Verdict(Check("v", ("customer", "c1"), (closed("a"),)), T, (Result(None),))) is None


def test_a_persons_call_is_evidence_with_his_score() -> None:
    body = call_evidence(T, "anna", ok=True, politeness=9, text="answered at the second ring")
    (found,) = parse_evidence([msgspec.json.encode(body)], actor="anna", now=T)
    assert found.body["politeness"] == 9
    event = event_of(found)
    assert isinstance(event, Probe)
    assert (event.scope, event.vantage, event.ok) == (Scope("support_line"), "anna", True)
    assert call_evidence(T, "anna", ok=False, line="night")["target"] == {
        "kind": "support_line",
        "id": "night",
    }


def test_a_step_runs_what_is_due_and_nothing_else() -> None:
    given: list[dict[str, Any]] = []
    probing = ProbingSettings()
    prober = Prober(checks_of(probing, (closed("a"), closed("b", "c2")), "v"), probing, given.extend)
    now, ran = T, list[str]()
    for second in range(61):
        ran += [verdict.check.names for verdict in prober.step(now + second)]
    assert 4 <= ran.count("a") <= 6  # the first, the second look, and three intervals
    assert 4 <= ran.count("b") <= 6
    assert [body["ok"] for body in given] == [False] * len(ran)
    assert {body["detail"] for body in given} == {"connection refused"}
    assert Prober((), probing, given.extend).step(T) == []


class Hanging:
    """Listens, takes connections and says nothing; counts how many it has at once."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        self._held: list[socket.socket] = []
        self.most = self.seen = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setblocking(False)
            # who hung up before this one came is not there any more, whenever that is noticed
            self._held = [held for held in self._held if _hangs(held)] + [connection]
            self.seen += 1
            self.most = max(self.most, len(self._held))

    def close(self) -> None:
        self._socket.close()
        for held in self._held:
            held.close()


def _hangs(held: socket.socket) -> bool:
    try:
        while held.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    held.close()
    return False


def hanging_probes(port: int, count: int) -> list[Any]:
    return [
        a_probe(
            "http", name=f"h{n}", customer=f"c{n}", url=f"http://127.0.0.1:{port}/", timeout=seconds("1s")
        )
        for n in range(count)
    ]


def test_never_more_at_once_than_configured() -> None:
    peer = Hanging()
    probing = ProbingSettings(at_once=7)
    given: list[dict[str, Any]] = []
    prober = Prober(checks_of(probing, hanging_probes(peer.port, 21), "v"), probing, given.extend)
    began = time.monotonic()
    try:
        prober.run_all()
    finally:
        peer.close()
    assert peer.seen == 21
    assert peer.most <= 7
    assert time.monotonic() - began > 2.5  # three rounds of a second
    assert {body["detail"] for body in given} == {"no answer in 1 s"}


def test_a_target_that_hangs_does_not_hold_the_others_and_the_end_is_quick() -> None:
    peer = Hanging()
    probing = msgspec.structs.replace(FAST, at_once=4)
    slow = [msgspec.structs.replace(p, timeout=seconds("30s")) for p in hanging_probes(peer.port, 2)]
    given: list[dict[str, Any]] = []
    prober = Prober(checks_of(probing, (*slow, closed("quick", "q")), "v"), probing, given.extend)
    assert not prober.alive
    prober.start()
    try:
        wait_until(lambda: len(given) >= 4, "four looks at the quick one")
        assert prober.alive
        assert {body["customer"] for body in given} == {"q"}
    finally:
        began = time.monotonic()
        prober.stop()
        peer.close()
    assert time.monotonic() - began < 15  # of the 30 that the slow ones may take
    assert not prober.alive


def test_what_the_store_does_not_take_is_given_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[dict[str, Any]] = []
    told: list[str] = []
    broken = threading.Event()
    broken.set()

    def emit(lines: list[dict[str, Any]]) -> None:
        if broken.is_set():
            raise OSError("the store is away")
        taken.extend(lines)

    monkeypatch.setattr("incidents.probes.outbox.CAPACITY", 3)
    outbox = Outbox(emit, told.append)
    outbox.put({"n": 1})
    outbox.put(None)
    assert outbox.flush() is False
    assert told == ["1 result of probes waiting: the store is away"]
    for number in (2, 3, 4):
        outbox.put({"n": number})
    broken.clear()
    assert outbox.flush() is True
    assert [line["n"] for line in taken] == [2, 3, 4]
    assert told[1:] == [
        "1 result of probes given up: the store did not take them in time",
        "3 results of probes handed on",
    ]


def test_what_nobody_takes_before_the_end_is_told() -> None:
    told: list[str] = []

    def emit(_: list[dict[str, Any]]) -> None:
        raise OSError("away")

    outbox = Outbox(emit, told.append)
    outbox.put({"n": 1})
    outbox.put({"n": 2})
    outbox.start()
    outbox.stop(30)
    assert told == [
        "2 results of probes waiting: away",
        "2 results of probes given up: the store did not take them in time",
    ]


def test_evidence_waits_for_a_store_that_comes_back() -> None:
    taken: list[dict[str, Any]] = []
    away = [True, True]

    def emit(lines: list[dict[str, Any]]) -> None:
        if away:
            away.pop()
            raise OSError("away")
        taken.extend(lines)

    prober = Prober(checks_of(FAST, (closed("a"),), "v"), FAST, emit)
    prober.start()
    try:
        wait_until(lambda: len(taken) >= 3, "evidence after the store came back")
    finally:
        prober.stop()
    assert sorted(body["at"] for body in taken) == [body["at"] for body in taken]


def test_a_machine_that_stands_still_does_not_accuse_its_targets() -> None:
    peer = Hanging()
    given: list[dict[str, Any]] = []
    probing = ProbingSettings()

    def clock(real: Callable[[], float] = time.time) -> float:
        time.sleep(0.7)  # before and after the look, in the event loop: what a starved process does
        return real()

    prober = Prober(checks_of(probing, hanging_probes(peer.port, 3), "v"), probing, given.extend, clock)
    try:
        verdicts = prober.run_all()
    finally:
        peer.close()
    assert {verdict.ok for verdict in verdicts} == {None}
    assert all(verdict.detail.startswith("this prober stood still for") for verdict in verdicts)
    assert given == []


def test_an_error_of_our_own_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("incidents.probes.tcp.probe_tcp", fail)
    seen = asyncio.run(look(closed("a")))
    assert (seen.ok, seen.detail) == (None, "this prober: 'ours'")


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    given: list[dict[str, Any]] = []
    back = threading.Event()

    def clock() -> float:
        return time.time() - (7_200 if back.is_set() else 0)

    prober = Prober(checks_of(FAST, (closed("a"),), "v"), FAST, given.extend, clock)
    prober.start()
    try:
        wait_until(lambda: len(given) >= 1, "a first look")
        back.set()
        before = len(given)
        wait_until(lambda: len(given) >= before + 2, "looks after the clock was set back")
    finally:
        prober.stop()
    assert len(given) < 10  # and it does not run all the time either
    assert given[-1]["at"] < given[0]["at"]


def test_who_is_in_doubt_is_looked_at_at_once() -> None:
    now, seen = time.time(), list[str]()
    for every in ("1h", "67m", "73m"):  # one at which no check's own time is near
        seldom = ProbingSettings(every=seconds(every), again=seconds("1s"), timeout=seconds("1s"))
        checks = checks_of(seldom, (closed("a"), closed("b", "c2")), "msk-1")
        fine = {check.key: Last(now - 60, 0, 0.0) for check in checks}
        if all(next_due(check, fine[check.key], now, seldom) > now + 300 for check in checks):
            break
    prober = Prober(checks, seldom, lambda _: None, seen=lambda verdict: seen.append(verdict.check.about[1]))
    prober._last = {number: fine[check.key] for number, check in enumerate(checks)}
    prober.start()
    try:
        prober.hurry([("customer", "c2"), ("customer", "nobody")])
        wait_until(lambda: bool(seen), "a look at c2")
        prober.hurry([("customer", "c2")])  # within a second of the last look: nothing new can be seen
        time.sleep(3 * TICK_S)
    finally:
        prober.stop()
    assert seen == ["c2"]
