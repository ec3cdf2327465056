"""What the tests of the stages share: a small company, transitions, channels that answer as they are told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from incidents.channels.model import Message, Sent
from incidents.channels.settings import ChannelSettings, NoticeSettings, Notifying
from incidents.model import Audience, Change, Fact, Harm, Kind, Priority, Scope, Status, Transition
from incidents.people.settings import ContactSettings, LevelSettings, OncallSettings, PersonSettings
from pipeline.configured import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

T0 = 1_790_000_000.0
"""A Monday."""


class Scripted:
    """Answers what it is told to, the last answer again and again; keeps what it was given."""

    def __init__(self, *answers: Sent) -> None:
        self.answers = list(answers) or [Sent(True)]
        self.got: list[Message] = []

    def send(self, message: Message) -> Sent:
        self.got.append(message)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


DOWN = Sent(False, retry=True, error="no answer in time")
REFUSED = Sent(False, retry=False, error="status 403")


def company(**more: Any) -> Notifying:
    """Anna on level 1, Boris on level 2, Vera speaks with clients; a way for each of them."""
    people = (
        PersonSettings(id="anna", name="Анна", channels=("anna-way",), lang="ru", tz="Europe/Moscow"),
        PersonSettings(id="boris", channels=("boris-way",)),
        PersonSettings(id="vera", channels=("vera-way", "vera-mail"), roles=("liaison", "scribe")),
    )
    ways = tuple(
        ChannelSettings(id=name, kind="file", url="unused")
        for name in ("anna-way", "boris-way", "vera-way", "vera-mail")
    )
    rota = OncallSettings(
        level=(LevelSettings(people=("anna",)), LevelSettings(people=("boris",))), queue=("vera",)
    )
    given = Notifying(person=people, oncall=rota, channel=ways)
    return replace(given, **more)


def ways(settings: Notifying, make: Callable[[], Scripted] = Scripted) -> dict[str, Scripted]:
    """A scripted channel for each `[[channel]]`."""
    return {channel.id: make() for channel in settings.channel}


def limits(most: int = 5, tries: int = 3, first_wait: float = 5) -> NoticeSettings:
    """`first_wait` in seconds."""
    return NoticeSettings(most=most, tries=tries, first_wait=Duration(timedelta(seconds=first_wait)))


def contact(customer: str, *channels: str, **more: Any) -> ContactSettings:
    return ContactSettings(customer=customer, channels=channels, **more)


def transition(**more: Any) -> Transition:
    """An outage of c1, opened."""
    given: dict[str, Any] = {
        "at": T0,
        "incident": "i1",
        "kind": Kind.OUTAGE,
        "scope": Scope("customer", "c1"),
        "harm": Harm.CONFIRMED,
        "priority": Priority.HIGH,
        "status": Status.OPEN,
        "change": Change.OPENED,
        "reason": "probes of c1 fail",
        "evidence": (Fact(T0 - 65, "probe", "msk-1: connect timeout"),),
    }
    return Transition(**given | more)


def notice(**more: Any) -> Transition:
    """A page to level 1 about it."""
    given = {"change": Change.NOTICE, "notice": "n1", "audience": Audience.ON_CALL, "level": 1}
    return transition(**given | more)


def everyone(**more: Any) -> Transition:
    """It concerns the whole company."""
    given = {"priority": Priority.COMPANY_WIDE, "audience": Audience.COMPANY, "level": 0, "notice": "n-all"}
    return notice(**given | more)


LETTER = everyone(audience=Audience.CLIENT, notice="n-c", customers=("c1",))
"""To the client c1."""


def written_to(*answers: Sent) -> tuple[Notifying, dict[str, Scripted]]:
    """The company, c1 with a mailbox that answers so, and everybody's channels."""
    given = company(contact=(contact("c1", "c1-mail"),))
    return given, ways(given) | {"c1-mail": Scripted(*answers)}
