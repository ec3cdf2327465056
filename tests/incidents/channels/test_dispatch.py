"""The stages together: who gets what, when, once; what failed is tried again, goes up, and survives a restart."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.channels.dispatch import Dispatcher, dispatch
from incidents.channels.model import Outcome, Sent
from incidents.channels.settings import ChannelSettings
from incidents.model import Audience, Change, Priority, Scope, Status
from incidents.people.settings import LevelSettings, OncallSettings, WorkingHours
from tests.incidents.channels.givens import (
    DOWN,
    REFUSED,
    T0,
    Scripted,
    company,
    contact,
    everyone,
    limits,
    notice,
    transition,
    ways,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.channels.model import Delivery


def test_a_page_reaches_who_is_on_call_and_nobody_else() -> None:
    given, channels = company(), ways(company())
    step = Dispatcher(given, channels).step(T0 + 1, [transition(), notice()])
    assert [(each.recipient, each.channel, each.ok, each.reason) for each in step.deliveries] == [
        ("anna", "anna-way", True, "sent")
    ]
    assert not step.failed
    assert {name: len(channel.got) for name, channel in channels.items()} == {
        "anna-way": 1,
        "boris-way": 0,
        "vera-way": 0,
        "vera-mail": 0,
    }


def test_what_concerns_the_company_goes_to_everyone_on_every_channel() -> None:
    channels = ways(company())
    step = Dispatcher(company(), channels).step(T0, [everyone()])
    assert sorted((each.recipient, each.channel) for each in step.deliveries) == [
        ("anna", "anna-way"),
        ("boris", "boris-way"),
        ("vera", "vera-mail"),
        ("vera", "vera-way"),
    ]


def test_a_task_goes_by_the_first_channel_that_works_and_waits_for_working_hours() -> None:
    given = company()
    vera = replace(given.person[2], hours=WorkingHours())
    given = replace(given, person=(*given.person[:2], vera))
    channels = ways(given) | {"vera-way": Scripted(REFUSED)}
    task = notice(priority=Priority.NORMAL, audience=Audience.QUEUE, level=0, at=T0)
    monday_10 = T0 - T0 % 86_400 + 10 * 3600
    dispatcher = Dispatcher(given, channels)
    night = replace(task, at=monday_10 - 4 * 3600)
    assert dispatcher.step(night.at, [night]).deliveries == ()
    assert dispatcher.due() == monday_10
    first = dispatcher.step(monday_10)
    assert [(each.channel, each.reason) for each in first.deliveries] == [("vera-way", "gave_up")]
    second = dispatcher.step(monday_10 + 1)
    assert [(each.channel, each.reason) for each in second.deliveries] == [("vera-mail", "sent")]
    assert not first.failed + second.failed
    assert dispatcher.undelivered == 0


def test_a_level_with_nobody_is_a_failed_delivery_at_once() -> None:
    given = company(oncall=OncallSettings(level=(LevelSettings(people=("vera",)),)))
    mute_vera = replace(given.person[2], channels=())
    given = replace(given, person=(*given.person[:2], mute_vera))
    step = Dispatcher(given, ways(given)).step(T0, [notice()])
    assert [each.notice for each in step.failed] == ["n1"]
    assert [(each.reason, each.ok) for each in step.deliveries] == [("nobody", False)]


def test_a_level_above_the_last_is_the_company() -> None:
    step = Dispatcher(company(), ways(company())).step(T0, [notice(level=3)])
    assert {each.recipient for each in step.deliveries} == {"anna", "boris", "vera"}


def test_a_channel_that_fails_is_tried_again_with_the_same_key_and_then_works() -> None:
    way = Scripted(DOWN, DOWN, Sent(True))
    dispatcher = Dispatcher(company(), ways(company()) | {"anna-way": way})
    reasons = [each.reason for each in dispatcher.step(T0, [notice()]).deliveries]
    for _ in range(2):
        due = dispatcher.due()
        assert due is not None
        assert dispatcher.step(due - 0.001).deliveries == ()
        reasons += [each.reason for each in dispatcher.step(due).deliveries]
    assert reasons == ["failed", "failed", "sent"]
    assert len({message.key for message in way.got}) == 1
    assert dispatcher.due() is None


def test_a_notice_that_nobody_could_be_given_goes_back_to_the_engine_once_and_is_tried_on() -> None:
    way = Scripted(*[DOWN] * 6, Sent(True))
    dispatcher = Dispatcher(company(), ways(company()) | {"anna-way": way})
    step, failed, now = dispatcher.step(T0, [notice()]), [], T0
    while dispatcher.undelivered:
        failed += [(now, each.notice) for each in step.failed]
        now = dispatcher.due() or now
        step = dispatcher.step(now)
    assert failed == [(T0 + 5 + 15, "n1")], "after the third try"
    assert step.deliveries[0].ok
    assert now > T0 + 300, "it was kept"


def test_what_cannot_be_helped_by_trying_again_fails_at_once() -> None:
    dispatcher = Dispatcher(company(), ways(company()) | {"anna-way": Scripted(REFUSED)})
    step = dispatcher.step(T0, [notice()])
    assert [each.notice for each in step.failed] == ["n1"]
    assert [(each.reason, each.error) for each in step.deliveries] == [("gave_up", "status 403")]


def test_one_person_who_heard_is_enough() -> None:
    channels = ways(company(), lambda: Scripted(REFUSED)) | {"boris-way": Scripted()}
    assert not Dispatcher(company(), channels).step(T0, [everyone()]).failed


def test_a_chat_room_is_no_person() -> None:
    given = company()
    room = ChannelSettings(id="room", kind="file", url="unused", hears=("on_call",))
    given = replace(given, channel=(*given.channel, room))
    channels = ways(given) | {"anna-way": Scripted(REFUSED)}
    step = Dispatcher(given, channels).step(T0, [notice()])
    assert [each.notice for each in step.failed] == ["n1"]
    assert len(channels["room"].got) == 1
    alone = replace(given, person=(), oncall=OncallSettings())
    assert not Dispatcher(alone, channels).step(T0, [notice()]).failed, (
        "where there are only rooms, a room is it"
    )


def test_the_same_notice_taken_up_twice_goes_once_and_its_repeat_goes_again() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    dispatcher.step(T0, [notice(), notice()])
    dispatcher.step(T0 + 1, [notice()])
    assert len(channels["anna-way"].got) == 1
    dispatcher.step(T0 + 1200, [notice(at=T0 + 1200)])
    assert len(channels["anna-way"].got) == 2


def test_an_acknowledgement_quiets_its_author_only_and_is_no_failure() -> None:
    channels = ways(company())
    step = Dispatcher(company(), channels).step(T0, [everyone(quiet=("anna",))])
    assert [(each.recipient, each.error) for each in step.deliveries if each.reason == "muted"] == [
        ("anna", "acknowledged by anna")
    ]
    assert not channels["anna-way"].got
    assert channels["boris-way"].got
    alone = Dispatcher(company(), ways(company())).step(T0, [notice(quiet=("anna",))])
    assert not alone.failed


def test_a_thousand_notices_of_one_minute_are_few_messages_and_none_is_lost() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    record: list[Delivery] = []
    for second in range(60):
        news = [
            notice(at=T0 + second, notice=f"n{second}-{each}", incident=f"i{second}-{each}")
            for each in range(20)
        ]
        record += dispatcher.step(T0 + second, news).deliveries
    while (due := dispatcher.due()) is not None:
        record += dispatcher.step(due).deliveries
    assert len(channels["anna-way"].got) == 6, "five at once, and a digest of all that was held back"
    assert len({each.notice for each in record if each.ok}) == 1200
    assert {each.reason for each in record} == {"sent", "digest"}
    assert len(channels["anna-way"].got[-1].text) < 20_000


def test_one_incident_in_one_minute_is_one_message() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    for second in (0, 3, 9):
        dispatcher.step(T0 + second, [notice(at=T0 + second, notice=f"n{second}")])
    assert len(channels["anna-way"].got) == 1
    assert dispatcher.due() == T0 + 60
    dispatcher.step(T0 + 60)
    assert len(channels["anna-way"].got[1].notices) == 2


def test_what_concerns_the_company_is_never_held_back_and_takes_along_what_was() -> None:
    channels = ways(company(notices=limits(most=1)))
    dispatcher = Dispatcher(company(notices=limits(most=1)), channels)
    dispatcher.step(T0, [notice()])
    dispatcher.step(T0 + 1, [notice(at=T0 + 1, notice="n2", incident="i2")])
    assert len(channels["anna-way"].got) == 1
    dispatcher.step(T0 + 2, [everyone(at=T0 + 2, incident="i3")])
    assert [each.incident for each in channels["anna-way"].got[1].notices] == ["i3", "i2"]


def test_a_draft_goes_to_the_liaison_with_the_text_and_a_letter_to_the_client_himself() -> None:
    given = company(contact=(contact("c1", "c1-mail", lang="ru", name="Кинотеатр"),))
    channels = ways(given) | {"c1-mail": Scripted()}
    letter = everyone(audience=Audience.CLIENT, notice="n-c", draft=True, customers=("c1", "c2"))
    Dispatcher(given, channels).step(T0, [everyone(), letter])
    assert not channels["c1-mail"].got
    draft = channels["vera-way"].got[-1]
    assert "c1, c2" in draft.text
    assert "Our next message comes at" in draft.text
    sent = Dispatcher(given, channels).step(T0, [everyone(), replace(letter, draft=False)])
    (message,) = channels["c1-mail"].got
    assert message.text.startswith("Здравствуйте, Кинотеатр!")
    assert ("contact:c1", "c1-mail", True) in [
        (each.recipient, each.channel, each.ok) for each in sent.deliveries
    ]
    assert "no contact in the configuration: c2" in channels["vera-way"].got[-1].text


def test_changes_go_to_who_asks_for_them() -> None:
    given = company()
    log = ChannelSettings(id="log", kind="file", url="unused", changes=True)
    given = replace(given, channel=(*given.channel, log))
    channels = ways(given)
    closed = transition(at=T0 + 9, change=Change.RESOLVED, status=Status.RESOLVED)
    dispatcher = Dispatcher(given, channels)
    dispatcher.step(T0, [transition(), notice()])
    dispatcher.step(T0 + 9, [closed])
    told = [each.change for message in channels["log"].got for each in message.notices]
    assert told == [Change.OPENED, Change.RESOLVED]


def test_roles_are_named_when_it_concerns_the_company_and_stand_in_the_message() -> None:
    channels = ways(company())
    dispatcher = Dispatcher(company(), channels)
    dispatcher.step(T0, [everyone()])
    roles = dispatcher.roles("i1", T0)
    assert (roles.operations, roles.commander, roles.liaison) == ("anna", "boris", "vera")
    assert "commander — boris" in channels["boris-way"].got[0].text


@pytest.mark.parametrize("audience", list(Audience))
def test_without_people_and_channels_everything_has_reached_nobody(audience: Audience) -> None:
    from incidents.channels.settings import Notifying

    step = Dispatcher(Notifying(), {}).step(T0, [notice(audience=audience)])
    assert [each.notice for each in step.failed] == ["n1"]


def test_one_step_without_a_memory_does_what_is_left() -> None:
    channels = ways(company())
    news = [transition(), notice(), notice(notice="n2", incident="i2")]
    done = dispatch(news[:2], company(), [], T0, channels).deliveries
    left = dispatch(news, company(), done, T0 + 1, channels).deliveries
    assert [each.notice for each in left] == ["n2"]
    assert dispatch(news, company(), (*done, *left), T0 + 2, channels).deliveries == ()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), count=st.integers(1, 12))
def test_cut_by_restarts_at_any_place_every_notice_arrives(seed: int, count: int) -> None:
    """A crash may fall between sending and recording: then it goes twice, under the same key; never not at all."""
    chance = random.Random(seed)  # noqa: S311 - replayed from its seed
    given = company(notices=limits(most=2))
    audiences = [
        (Audience.ON_CALL, Priority.HIGH),
        (Audience.COMPANY, Priority.COMPANY_WIDE),
        (Audience.QUEUE, Priority.NORMAL),
    ]
    news = []
    for number in range(count):
        audience, priority = chance.choice(audiences)
        news.append(
            notice(
                at=T0 + number,
                notice=f"n{number}",
                incident=f"i{number % 3}",
                audience=audience,
                priority=priority,
                scope=Scope("customer", f"c{number % 3}"),
            )
        )

    class Flaky(Scripted):
        def send(self, message):  # type: ignore[no-untyped-def]
            self.got.append(message)
            return DOWN if chance.random() < 0.4 else Sent(True)

    channels = ways(given, Flaky)
    kept: list[Delivery] = []
    dispatcher, now = Dispatcher(given, channels), T0
    for number in itertools.count():
        new = [each for each in news if now - 1 < each.at <= now]
        step = dispatcher.step(now, new)
        if chance.random() < 0.7:
            kept += step.deliveries
        if chance.random() < 0.3:
            dispatcher = Dispatcher(given, channels)
            dispatcher.recover([each for each in news if each.at <= now], kept)
        if now > T0 + count and dispatcher.undelivered == 0:
            break
        assert number < 2000
        now += 1 if now <= T0 + count else max(1.0, (dispatcher.due() or now) - now)
    reached = {
        (each.notice, message.to)
        for channel in channels.values()
        for message in channel.got
        for each in message.notices
    }
    for each in news:
        assert each.audience is not None
        whom = {Audience.ON_CALL: {"anna"}, Audience.QUEUE: {"vera"}}.get(
            each.audience, {"anna", "boris", "vera"}
        )
        assert {(each.notice, name) for name in whom} <= reached


class Silent:
    """A sender whose first call never answers, until it is let go."""

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.answers: list[Any] = []

    def submit(self, about: Any, call: Any) -> None:
        self.held.append((about, call))

    def finished(self, *, wait: bool = False) -> Iterator[Any]:  # noqa: ARG002
        answers, self.answers = self.answers, []
        return iter(answers)

    def let_go(self) -> None:
        self.answers += [(about, call()) for about, call in self.held]
        self.held = []


def test_a_channel_that_never_answers_has_failed_in_the_end_and_a_late_answer_counts() -> None:
    sender = Silent()
    dispatcher = Dispatcher(company(notices=limits(tries=1)), ways(company()), sender=sender)
    assert dispatcher.step(T0, [notice()]).deliveries == ()
    assert dispatcher.step(T0 + 60).deliveries == ()
    late = dispatcher.step(T0 + 61)
    assert [(each.reason, each.error) for each in late.deliveries] == [("failed", "no answer in 60 s")]
    assert [each.notice for each in late.failed] == ["n1"]
    sender.let_go()
    (sent,) = dispatcher.step(T0 + 62).deliveries
    assert sent.ok
    assert dispatcher.undelivered == 0


def test_a_task_that_waited_for_days_is_still_tried_for_as_long_as_is_kept() -> None:
    given = company()
    vera = replace(given.person[2], hours=WorkingHours(), channels=("vera-way",))
    given = replace(given, person=(*given.person[:2], vera))
    friday = T0 - T0 % 86_400 + 4 * 86_400 + 20 * 3600
    task = notice(priority=Priority.NORMAL, audience=Audience.QUEUE, level=0, at=friday)
    dispatcher = Dispatcher(given, ways(given) | {"vera-way": Scripted(DOWN, Sent(True))})
    dispatcher.step(friday, [task])
    monday = dispatcher.due()
    assert monday == friday + 62 * 3600
    assert [each.reason for each in dispatcher.step(monday).deliveries] == ["failed"]
    assert [each.reason for each in dispatcher.step(dispatcher.due() or 0).deliveries] == ["sent"]


def test_every_outcome_but_a_failure_is_an_end() -> None:
    assert {outcome for outcome in Outcome if not outcome.final} == {Outcome.FAILED}
