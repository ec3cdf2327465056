"""Notices that come late or in heaps: what was missed is said once, drafts come together, a tracker has them one by
one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from incidents.channels.dispatch import Dispatcher
from incidents.channels.model import Sent
from incidents.channels.settings import ChannelSettings
from incidents.model import Audience, Priority, Scope, Status
from tests.incidents.channels.givens import (
    DOWN,
    LETTER,
    T0,
    company,
    everyone,
    notice,
    transition,
    ways,
    written_to,
)

if TYPE_CHECKING:
    from incidents.model import Transition


def repeats(first: Transition, count: int, *, late: float) -> list[Transition]:
    """The same notice every 20 minutes."""
    return [replace(first, at=T0 + 1200 * number) for number in range(count) if 1200 * number <= late]


def test_reminders_that_were_missed_are_one_and_promise_a_time_to_come() -> None:
    """Nothing was sent for eight hours: 24 letters to the client, 24 drafts, 24 times the company."""
    given, channels = written_to()
    missed = [*repeats(everyone(), 25, late=8 * 3600), *repeats(LETTER, 25, late=8 * 3600)]
    now = T0 + 8 * 3600 + 130
    dispatcher = Dispatcher(given, channels)
    step = dispatcher.step(now, missed)
    (message,) = channels["c1-mail"].got
    assert [each.at for each in message.notices] == [T0 + 8 * 3600]
    assert "Our next message comes at 22:33 (UTC)" in message.text
    assert {len(channels[name].got) for name in ("anna-way", "boris-way")} == {1}
    assert not step.failed
    assert dispatcher.undelivered == 0
    old = [each for each in step.deliveries if each.reason == "superseded"]
    assert {each.recipient for each in old} == {"anna", "boris", "vera", "contact:c1"}
    again = Dispatcher(*written_to())
    again.recover(missed, step.deliveries)
    assert again.step(now + 1).deliveries == (), "and not after a restart either"


def test_a_letter_that_goes_late_promises_the_next_one_that_is_to_come() -> None:
    given, channels = written_to(DOWN, DOWN, Sent(True))
    dispatcher = Dispatcher(given, channels)
    for now in (T0, T0 + 5, T0 + 4000):
        dispatcher.step(now, [LETTER])
    assert [re.findall(r"comes at (\S+)", each.text) for each in channels["c1-mail"].got] == [
        ["14:33"],
        ["14:33"],
        ["15:33"],
    ]


def test_a_channel_that_comes_back_brings_the_newest_letter_and_not_all_of_them() -> None:
    given, channels = written_to(DOWN)
    mail = channels["c1-mail"]
    dispatcher, failed = Dispatcher(given, channels), 0
    for minute in range(120):
        new = [replace(LETTER, at=T0 + 60 * minute)] if minute % 20 == 0 else []
        failed += len(dispatcher.step(T0 + 60 * minute, new).failed)
    tried = len(mail.got)
    mail.answers = [Sent(True)]
    for minute in range(120, 130):
        dispatcher.step(T0 + 60 * minute)
    assert [[each.at for each in message.notices] for message in mail.got[tried:]] == [[T0 + 6000]]
    assert failed == 0, "the liaison had each of them"


def test_nobody_is_written_to_about_what_was_over_before_he_could_hear_of_it() -> None:
    given, channels = written_to()
    over = replace(LETTER, at=T0 + 3000, notice="n-over", status=Status.RESOLVED)
    step = Dispatcher(given, channels).step(T0 + 9000, [*repeats(LETTER, 3, late=3000), over])
    assert channels["c1-mail"].got == []
    assert {each.reason for each in step.deliveries} == {"superseded"}
    assert not step.failed


def test_a_tracker_has_a_message_of_its_own_for_each_incident_of_one_instant() -> None:
    given = company()
    tracker = ChannelSettings(id="tracker", kind="file", url="unused", hears=("queue",), changes=True)
    given = replace(given, channel=(*given.channel, tracker))
    channels = ways(given)
    task = {"incident": "i2", "priority": Priority.NORMAL, "scope": Scope("edge", "e1")}
    queued = notice(**task, notice="n2", audience=Audience.QUEUE, level=0)
    Dispatcher(given, channels).step(T0, [transition(), transition(**task), queued])
    told = [{each.incident for each in message.notices} for message in channels["tracker"].got]
    assert told == [{"i1"}, {"i2"}] or told == [{"i2"}, {"i1"}]


def test_one_bad_minute_is_one_message_to_the_liaison_and_the_next_minute_another() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    letters = [
        everyone(
            at=T0 + number // 10,
            incident=f"i{number}",
            notice=f"n{number}",
            scope=Scope("customer", f"c{number}"),
            audience=Audience.CLIENT,
            draft=True,
        )
        for number in range(300)
    ]
    for second in range(120):
        dispatcher.step(T0 + second, [each for each in letters if each.at == T0 + second])
    got = channels["vera-way"].got
    assert [message.at for message in got] == [T0, T0 + 60]
    assert len({each.incident for message in got for each in message.notices}) == 300
