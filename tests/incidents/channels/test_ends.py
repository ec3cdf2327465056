"""What is over by the time it would be told is told to nobody; its end is told to those who heard of the beginning."""

from __future__ import annotations

from msgspec.structs import replace

from incidents.channels.dispatch import Dispatcher
from incidents.channels.model import Sent
from incidents.model import Audience, Change, Priority, Status
from tests.incidents.channels.givens import (
    DOWN,
    T0,
    Scripted,
    company,
    contact,
    everyone,
    notice,
    transition,
    ways,
)

PAGE = notice(notice="i1.1.on_call.1")
RAISED = everyone(at=T0 + 60, notice="i1.2.company.0", change=Change.NOTICE)
RESOLVED = transition(
    at=T0 + 900, change=Change.RESOLVED, status=Status.RESOLVED, priority=Priority.COMPANY_WIDE
)
OVER = everyone(at=T0 + 900, notice="i1.2-over.company.0", status=Status.RESOLVED)


def heard(channels: dict[str, Scripted]) -> dict[str, list[list[str]]]:
    return {
        name: [[each.notice for each in message.notices] for message in way.got]
        for name, way in channels.items()
        if way.got
    }


def test_an_outage_that_is_over_wakes_nobody() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    step = dispatcher.step(T0 + 5000, [transition(), PAGE, RAISED, RESOLVED, OVER])
    assert heard(channels) == {}
    assert {each.reason for each in step.deliveries} == {"superseded"}
    assert {each.notice for each in step.deliveries} == {PAGE.notice, RAISED.notice, OVER.notice}
    assert not step.failed
    assert dispatcher.undelivered == 0
    again = Dispatcher(company(), channels)
    again.recover([transition(), PAGE, RAISED, RESOLVED, OVER], step.deliveries)
    assert again.step(T0 + 5001).deliveries == ()


def test_the_end_is_told_to_who_heard_of_the_beginning_and_to_nobody_else() -> None:
    """Anna had the page; the watch was away when everybody was to hear."""
    channels = ways(company())
    before = Dispatcher(company(), channels).step(T0, [transition(), PAGE])
    dispatcher = Dispatcher(company(), channels)
    dispatcher.recover([transition(), PAGE], before.deliveries)
    dispatcher.step(T0 + 5000, [RAISED, RESOLVED, OVER])
    assert heard(channels) == {"anna-way": [[PAGE.notice], [OVER.notice]]}


def test_a_dead_channel_that_comes_back_brings_nothing_of_what_is_over() -> None:
    channels = ways(company()) | {"boris-way": Scripted(DOWN)}
    dispatcher = Dispatcher(company(), channels)
    for minute, new in ((0, [transition(), PAGE]), (1, [RAISED]), (2, []), (15, [RESOLVED, OVER])):
        dispatcher.step(T0 + 60 * minute, new)
    tried = len(channels["boris-way"].got)
    channels["boris-way"].answers = [Sent(True)]
    for minute in range(16, 60):
        dispatcher.step(T0 + 60 * minute)
    assert len(channels["boris-way"].got) == tried
    assert heard(channels)["anna-way"][-1] == [OVER.notice]
    assert dispatcher.undelivered == 0


def test_an_end_that_was_not_told_before_it_came_back_is_not_told() -> None:
    channels = ways(company()) | {"anna-way": Scripted(Sent(True), DOWN)}
    dispatcher = Dispatcher(company(), channels)
    dispatcher.step(T0, [transition(), PAGE])
    dispatcher.step(T0 + 900, [RESOLVED, replace(OVER, audience=Audience.ON_CALL, level=1)])
    channels["anna-way"].answers = [Sent(True)]
    again = replace(PAGE, at=T0 + 950, notice="i1.3.on_call.1")
    dispatcher.step(T0 + 950, [transition(at=T0 + 950, change=Change.REOPENED), again])
    over = replace(OVER, at=T0 + 1900, notice="i1.3-over.on_call.1", audience=Audience.ON_CALL, level=1)
    for late in (2000, 2001):
        dispatcher.step(T0 + late, [replace(RESOLVED, at=T0 + 1900), over])
    told = [notices for notices in heard(channels)["anna-way"] if notices != [OVER.notice]]
    assert told == [[PAGE.notice], [again.notice], [over.notice]]


def test_a_client_hears_the_end_of_what_he_had_a_letter_about() -> None:
    given = company(contact=(contact("c1", "c1-mail"), contact("c2", "c2-mail")))
    channels = ways(given) | {"c1-mail": Scripted(), "c2-mail": Scripted(DOWN)}
    letter = everyone(audience=Audience.CLIENT, notice="i1.2.client.0", customers=("c1", "c2"))
    over = replace(letter, at=T0 + 900, notice="i1.2-over.client.0", status=Status.RESOLVED)
    dispatcher = Dispatcher(given, channels)
    dispatcher.step(T0, [transition(), letter])
    dispatcher.step(T0 + 900, [RESOLVED, over])
    assert len(channels["c1-mail"].got) == 2
    assert len(channels["c2-mail"].got) == 1, "the try that failed"


def test_the_end_of_what_began_before_our_time_is_told() -> None:
    channels = ways(company())
    Dispatcher(company(), channels).step(T0 + 900, [RESOLVED, OVER])
    assert set(heard(channels)) == {"anna-way", "boris-way", "vera-way", "vera-mail"}
