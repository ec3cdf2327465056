"""What notices say of an incident: of this time and not of the one before, and how it stands while it gets well."""

from __future__ import annotations

from incidents.engine import Engine
from incidents.events import Event, Gap, GapClosed, Probe, Said, Tick
from incidents.model import Audience, Change, Kind, Priority, Transition
from incidents.words import instant_text

from .drawn import START, run
from .test_hanging import C2, GAP, probe


def both(minute: float, ok: bool) -> list[Probe]:
    return [probe(minute, ok=ok, vantage=vantage) for vantage in "ab"]


def at(minute: float) -> float:
    return START + 60 * minute


def tick(minute: float) -> Tick:
    return Tick(at=at(minute))


OUTAGE: list[Event] = [look for minute in (0, 1) for look in both(minute, ok=False)]
WELL: list[Event] = [look for minute in range(2, 14) for look in both(minute, ok=True)]
OVER = [*OUTAGE, *WELL]
"""Everyone is called at minute 1; it closes at minute 12."""


def to(audience: Audience, lines: list[Transition]) -> list[float]:
    return [(line.at - START) / 60 for line in lines if line.audience is audience]


def test_who_was_told_of_nothing_hears_of_no_end() -> None:
    again: list[Event] = [probe(16, ok=False), probe(16, ok=True, vantage="b")]
    well = [look for minute in range(17, 30) for look in both(minute, ok=True)]
    lines = run([*OVER, *again, *well])
    assert [line.priority for line in lines if line.change is Change.REOPENED] == [Priority.HIGH]
    assert to(Audience.CLIENT, lines) == [1, 12]
    assert to(Audience.COMPANY, lines) == [1, 12]
    assert to(Audience.ON_CALL, lines)[-1] == 27


def test_what_comes_back_says_what_is_seen_now() -> None:
    lines = run([*OVER, probe(16, ok=False)])
    (back,) = [line for line in lines if line.change is Change.REOPENED]
    assert back.reason == "it is back (flap 1): a probe of c1 fails"
    assert lines[-1].reason == back.reason


def test_a_reminder_in_clean_minutes_says_since_when_it_is_fine() -> None:
    ill = [look for minute in range(2, 15) for look in both(minute, ok=False)]
    well = [look for minute in range(15, 24) for look in both(minute, ok=True)]
    lines = run([*OUTAGE, *ill, *well])
    said = f"not resolved: fine since {instant_text(at(15))} and closes at {instant_text(at(25))} if it stays so: "
    reminded = [line.reason for line in lines if line.at == at(21)]
    assert reminded[0] == said + "probes of c1 fail"
    assert reminded[1].startswith(said)
    still = run([*OUTAGE, *ill, *both(20, ok=False), tick(21)])
    assert still[-2].reason == "not resolved: probes of c1 fail"


def test_nothing_closes_at_a_time_while_the_detector_is_silent() -> None:
    from incidents.model import Scope

    control = Probe(at=at(12), scope=Scope("control", "detector"), vantage="a", ok=False)
    lines = run([*OUTAGE, *both(14, ok=True), *both(18, ok=True), control, tick(21)])
    (reason,) = [line.reason for line in lines if line.at == at(21) and line.audience is Audience.COMPANY]
    assert reason == f"not resolved: fine since {instant_text(at(14))}: probes of c1 fail"


def pages(looks: list[Event]) -> list[tuple[float, int]]:
    lines = [line for line in run(looks) if line.kind is Kind.WATCHDOG and line.audience is Audience.ON_CALL]
    return [((line.at - START) / 60, line.level) for line in lines]


def seen_by(vantage: str, *minutes: int) -> list[Event]:
    return [probe(minute, ok=True, vantage=vantage) for minute in minutes]


def test_a_prober_that_is_back_wakes_nobody_else() -> None:
    always = seen_by("a", *range(40))
    silent = [*always, probe(0, ok=True, vantage="b")]
    assert pages(silent)[:3] == [(5, 1), (10, 2), (15, 3)]
    assert pages([*silent, *seen_by("b", *range(8, 40))]) == [(5, 1), (18, 1)]  # the end


def test_a_prober_that_is_lost_once_more_is_climbed_for_at_once() -> None:
    always = seen_by("a", *range(40))
    assert pages([*always, *seen_by("b", 0, 8)])[:2] == [(5, 1), (13, 2)]


def test_a_task_that_waits_from_its_beginning_says_so() -> None:
    served = [probe(minute, ok=True, scope=C2) for minute in (0, 2)]
    lost = Gap(
        at=at(2), edge="e1", since=at(-5), until=at(-4), loss_class="missing", customers=("c2",)
    )  # fmt: skip
    (opened,) = [line for line in run([*OUTAGE, *served, lost]) if line.kind is Kind.BILLING_GAP]
    assert opened.priority is Priority.NORMAL
    assert opened.reason == "it waits, clients first: logs of edge e1 are lost; the clients are served"
    (alone,) = [line for line in run([*served, lost]) if line.change is Change.OPENED]
    assert alone.reason == "logs of edge e1 are lost; the clients are served"


def test_a_reminder_of_lost_minutes_says_why_everyone_was_called() -> None:
    engine = Engine()
    (opened, _) = engine.advance(START, [GAP])
    engine.advance(at(1), [Said(at=at(1), act="ack", incident=opened.incident, actor="anna")])
    lines = engine.advance(at(26), [tick(26)])
    raised, *_, reminder, _ = lines
    assert raised.reason.startswith("not verified within 5 minutes, so the worst is assumed: logs of edge e1")
    assert reminder.reason == f"not resolved: {raised.reason}"
    more = Gap(at=at(27), edge="e1", since=at(2), until=at(3), loss_class="missing", customers=("c1",))
    engine.advance(at(27), [more])
    assert engine.advance(at(46), [tick(46)])[0].reason == reminder.reason


def test_served_minutes_are_not_called_unverified() -> None:
    looks = [look for minute in range(18, 27) for look in both(minute, ok=True)]
    lines = [line for line in run([GAP, tick(10), *looks]) if line.audience is Audience.COMPANY]
    since, until = instant_text(at(18)), instant_text(at(28))
    assert lines[-1].reason == (
        f"not resolved: fine since {since} and is lowered at {until} if it stays so:"
        " logs of edge e1 are lost; the clients are served"
    )


def test_when_it_is_lowered_it_is_over_for_those_who_were_called() -> None:
    """Nobody looked at the clients for ten minutes: everyone was called, and the clients await a next message."""
    fine: list[Event] = [look for minute in range(10, 24) for look in both(minute, ok=True)]
    came = GapClosed(at=at(24), edge=GAP.edge, since=GAP.since, until=GAP.until)
    lines = [line for line in run([GAP, *fine, came]) if line.kind is Kind.BILLING_GAP]
    lowered = next(line for line in lines if line.change is Change.LOWERED)
    assert (lowered.at, lowered.priority) == (at(20), Priority.NORMAL)
    assert to(Audience.COMPANY, lines) == [5, 20]
    assert to(Audience.CLIENT, lines) == [5, 20]
    over = [line for line in lines if line.at == at(20) and line.audience]
    assert [line.audience for line in over] == [Audience.COMPANY, Audience.CLIENT, Audience.QUEUE]
    assert {line.reason for line in over[:2]} == {lowered.reason}
    assert (lines[-1].change, lines[-1].at) == (Change.RESOLVED, at(24))


def test_who_acknowledged_is_spared_reminders_and_hears_the_end() -> None:
    name = run(OUTAGE)[0].incident
    ill = [look for minute in range(2, 22) for look in both(minute, ok=False)]
    well = [look for minute in range(22, 34) for look in both(minute, ok=True)]
    lines = run([*OUTAGE, Said(at=at(1.5), act="ack", incident=name, actor="anna"), *ill, *well])
    quiet = [(line.at, line.quiet) for line in lines if line.audience is Audience.COMPANY]
    assert quiet == [(at(1), ()), (at(21), ("anna",)), (at(32), ())]
    paged: list[Event] = [probe(0, ok=False), Said(at=at(1), act="ack", incident=name, actor="anna")]
    page = run([*paged, *[probe(minute, ok=True) for minute in range(2, 14)]])
    told = [(line.at, line.quiet) for line in page if line.audience is Audience.ON_CALL]
    assert told == [(at(0), ()), (at(12), ())]
