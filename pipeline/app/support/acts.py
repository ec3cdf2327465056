"""What `prebill support` does to the log: each action's options to an act of the desk, and letters that go with
it."""

from __future__ import annotations

import secrets
import sys
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from msgspec import Struct

from incidents.desk import acts
from incidents.desk.model import TEXT_LIMIT, HoursBought, Worked
from incidents.words import instant_text
from pipeline.app.catalogue import STDIN
from pipeline.app.failures import ReachFailure, UsageFailure
from pipeline.app.terminal import say

if TYPE_CHECKING:
    from incidents.desk.mail.letters import Office
    from incidents.desk.model import Channel, DeskEvent, RequestKind
    from pipeline.app.configuration.settings import Config
    from pipeline.app.support.log import StoreLog
    from pipeline.store.store import Store


class Given(Struct, frozen=True, kw_only=True):
    """What was typed; None where it was not."""

    what: str | None = None
    customer: str | None = None
    kind: RequestKind | None = None
    text: str | None = None
    subject: str | None = None
    lang: str | None = None
    email: str | None = None
    manager: str | None = None
    by: str | None = None
    score: int | None = None
    hours: str | None = None
    price: str | None = None
    rate: str | None = None
    currency: str | None = None
    prepaid: bool = False
    buy: bool = False
    test: bool = False
    unanswered: bool = False
    sent: bool = False
    again: bool = False
    actor: str = ""


def text_of(given: Given, *, required: bool) -> str:
    """`--text`, or standard input for `-`."""
    text = sys.stdin.read(TEXT_LIMIT + 1) if given.text == STDIN else given.text
    if text is None or not text.strip():
        if required:
            raise UsageFailure("--text: required, and not given (- reads standard input)")
        return ""
    if len(text) > TEXT_LIMIT:
        raise UsageFailure(f"--text: expected at most {TEXT_LIMIT:,} characters")
    return text


def take_request(
    store: Store,
    log: StoreLog,
    of: Office,
    *,
    key: str,
    channel: Channel,
    actor: str,
    customer: str,
    kind: RequestKind,
    lang: str,
    text: str,
    subject: str = "",
    address: str = "",
    now: float,
) -> list[DeskEvent]:
    """Takes a request in, names its manager, and tells the incident engine of a technical one: what the command line
    calls. `key`: the caller's own for this request; given twice it is taken in once, and nothing
    comes back."""
    from incidents.desk.mail.message import clean

    new = log.append(
        lambda desk: acts.receive(
            desk, at=now, actor=actor, key=key, kind=kind, channel=channel, customer=customer, lang=lang,
            address=address.lower(), subject=clean(subject, 300), text=text,
        )
    )  # fmt: skip
    return [*new, *settle(store, log, of, now)]


def settle(store: Store, log: StoreLog, of: Office, now: float) -> list[DeskEvent]:
    """What comes of a new or newly filed request at once: its manager, and evidence for the incident engine."""
    from incidents.desk.evidence import evidence_of
    from incidents.desk.rounds import EVIDENCE_DAYS, name_all
    from pipeline.app.support.log import add_evidence

    named = name_all(log, of, now)
    since = now - EVIDENCE_DAYS * 86_400
    add_evidence(store, evidence_of(log.read().requests.values(), since), now)
    return named


def add(store: Store, log: StoreLog, of: Office, config: Config, given: Given, now: float) -> list[DeskEvent]:
    """A request that came by telephone or chat, or out of another system."""
    from incidents.desk.mail.message import ADDRESS

    customer = given.what or ""
    known = {each.id: each for each in config.customer}
    if customer not in known:
        raise UsageFailure(f"support add: there is no customer {customer!r} in the configuration")
    if given.email and not ADDRESS.fullmatch(given.email):
        raise UsageFailure(f"--email: expected a mail address, found {given.email!r}")
    lang = given.lang or ("ru" if known[customer].lang == "ru" else "en")
    text = text_of(given, required=True)
    return take_request(
        store, log, of, key=f"cli:{secrets.token_hex(8)}", channel="cli", actor=given.actor, customer=customer,
        kind=given.kind or "question", lang=lang, text=text, subject=given.subject or "", address=given.email or "",
        now=now,
    )  # fmt: skip


def answer(log: StoreLog, of: Office, given: Given, now: float) -> list[DeskEvent]:
    """Sends a person's letter, and records it when the mail server has taken it."""
    from incidents.desk.mail.doors import MailError
    from incidents.desk.mail.letters import answer_letter
    from pipeline.app.support.mail import sender_of

    text = text_of(given, required=True)
    request = acts.find_request(log.read(), str(given.what))
    due = None if given.by is None else parse_due(given.by, of.settings.tz)
    if due is not None and due <= now:
        raise UsageFailure("--by: expected a date to come, found one that is past")
    message_id = ""
    if request.address and request.bounced_at is not None and not given.sent:
        raise UsageFailure(
            f"support answer: letters to {request.address} come back, since {instant_text(request.bounced_at)}: "
            "nothing was sent",
            mend=f"`support file {request.id} --email ADDRESS` says where they go, or that this one works again; "
            "--sent records an answer that went another way.",
        )
    with sender_of(of.settings) as send:
        if request.address and not given.sent:
            if send is None:
                raise UsageFailure(
                    f"support answer: no mail server is configured ([support.smtp]) to write to {request.address}",
                    mend="--sent records an answer that went another way.",
                )
            message = answer_letter(request, of, text, now, len(request.letters) + 1, given.actor)
            message_id = str(message["Message-ID"])
            try:
                send(message)
            except MailError as error:
                raise ReachFailure(
                    f"the answer was not sent: {error}", mend="Nothing was recorded."
                ) from None

    def decide(desk: Any) -> list[DeskEvent]:
        found = acts.answer(
            desk,
            request.id,
            text=text,
            message_id=message_id,
            managers=of.managers,
            at=now,
            actor=given.actor,
        )
        if due is not None and desk.requests[request.id].is_open:
            found += acts.promise(desk, request.id, due=due, at=now, actor=given.actor)
        return found

    new = log.append(decide)
    if not request.address and not given.sent:
        say(
            f"request #{request.id} has no address: nothing was sent, the answer counts as given another way; "
            f"`support file {request.id} --email ADDRESS` gives it one"
        )
    return new


def assign(log: StoreLog, of: Office, given: Given, now: float) -> list[DeskEvent]:
    """Somebody else is on it."""
    manager = _required(given.manager, "--manager")
    return log.append(
        lambda desk: acts.assign(desk, of.managers, str(given.what), manager, at=now, actor=given.actor)
    )


def file(log: StoreLog, config: Config, given: Given, now: float) -> list[DeskEvent]:
    """Whose it is, what it is about, where its letters go."""
    from incidents.desk.mail.message import ADDRESS

    if all(each is None for each in (given.customer, given.kind, given.lang, given.email)):
        raise UsageFailure("support file: expected --customer, --kind, --lang, --email, or several")
    if given.email is not None and not ADDRESS.fullmatch(given.email):
        raise UsageFailure(f"--email: expected a mail address, found {given.email!r}")
    address = given.email and given.email.lower()
    if given.customer is not None and given.customer not in {each.id for each in config.customer}:
        raise UsageFailure(f"--customer: there is no customer {given.customer!r} in the configuration")
    return log.append(
        lambda desk: acts.file(
            desk, str(given.what), customer=given.customer, kind=given.kind, lang=given.lang, address=address, at=now,
            actor=given.actor,
        )
    )  # fmt: skip


def promise(log: StoreLog, of: Office, given: Given, now: float) -> list[DeskEvent]:
    """A date was promised."""
    due = parse_due(_required(given.by, "--by"), of.settings.tz)
    return log.append(lambda desk: acts.promise(desk, str(given.what), due=due, at=now, actor=given.actor))


def turn(log: StoreLog, action: str, given: Given, now: float) -> list[DeskEvent]:
    """pause, resume, close, nps."""
    text = text_of(given, required=False)
    name, who = str(given.what), given.actor
    if action == "nps":
        if given.score is None:
            raise UsageFailure("--score: required, and not given")
        score = given.score
        return log.append(lambda desk: acts.give_nps(desk, name, score=score, text=text, at=now, actor=who))
    if action == "close":
        return log.append(lambda desk: acts.close(desk, name, text=text, at=now, actor=who))
    act = acts.pause if action == "pause" else acts.resume
    return log.append(lambda desk: act(desk, name, reason=text, at=now, actor=who))


def call(store: Store, log: StoreLog, given: Given, now: float) -> list[DeskEvent]:
    """A call to the support line, tried or taken; a test is told to the incident engine as well."""
    from pipeline.app.support.calls import take_call
    from pipeline.coverage.evidence import EvidenceError

    if given.score is not None and not 0 <= given.score <= 10:
        raise UsageFailure(f"--score: expected 0 to 10, found {given.score}")
    try:
        new, _ = take_call(
            store, log, who=given.actor, answered=not given.unanswered, test=given.test, score=given.score,
            request=(given.what or "").removeprefix("#"), text=text_of(given, required=False), now=now,
        )  # fmt: skip
    except EvidenceError as error:
        raise UsageFailure([str(problem) for problem in error.problems]) from None
    return new


def paid(log: StoreLog, of: Office, config: Config, given: Given, now: float) -> list[DeskEvent]:
    """Paid work on a request, or hours that a customer buys ahead."""
    desk = log.read()
    name = str(given.what)
    request = desk.requests.get(name.removeprefix("#"))
    customer = request.customer if request else name
    if customer not in {each.id for each in config.customer}:
        raise UsageFailure(f"support paid: {name!r} is neither a request of a known customer nor a customer")
    ways = [given.buy, given.prepaid, given.rate is not None, not given.buy and given.price is not None]
    if sum(ways) != 1:
        raise UsageFailure(
            "support paid: expected one of --price (for all of it), --rate (an hour), --prepaid, or --buy with "
            "--price"
        )
    currency = given.currency or of.settings.currency
    key, text = f"paid:{secrets.token_hex(8)}", text_of(given, required=False)
    if given.buy:
        bought = HoursBought(
            at=now, actor=given.actor, key=key, customer=customer, hours=amount(given.hours, "--hours"),
            price=amount(given.price, "--price"), currency=currency,
            expires=parse_due(_required(given.by, "--by"), of.settings.tz),
        )  # fmt: skip
        return log.append(lambda desk: acts.buy(desk, bought, again=given.again))
    hours = "0" if given.hours is None and given.price is not None else amount(given.hours, "--hours")
    mode = "prepaid" if given.prepaid else "hour" if given.rate is not None else "request"
    price = "0" if given.prepaid else amount(given.rate or given.price, "--rate" if given.rate else "--price")
    work = Worked(
        at=now, actor=given.actor, key=key, customer=customer, mode=cast(Any, mode), hours=hours, price=price,
        currency=currency, request=request.id if request else "", text=text,
    )  # fmt: skip
    return log.append(lambda desk: acts.work(desk, work, again=given.again))


def _required(value: str | None, option: str) -> str:
    if not value:
        raise UsageFailure(f"{option}: required, and not given")
    return value


def amount(text: str | None, option: str) -> str:
    """A decimal of 0 or more as text. Raises UsageFailure."""
    try:
        found = Decimal(_required(text, option))
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found < 10**12 and cast(int, found.as_tuple().exponent) >= -6):
        raise UsageFailure(f"{option}: expected a decimal like 1.5, 0 or more; found {text!r}")
    return f"{found:f}"


def parse_due(text: str, tz: str) -> float:
    """A time with its offset, or a date, which ends at its midnight in the desk's zone. Raises UsageFailure."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime.combine(day, time(23, 59, 59), ZoneInfo(tz)).timestamp()
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None and 1970 <= found.year <= 2105:
            return found.timestamp()
    except (ValueError, OverflowError):
        pass
    raise UsageFailure(f"--by: expected a date, or a time like 2026-11-01T18:00:00+03:00; found {text!r}")


def write_report(report: dict[str, Any], lang: str, output: str | None, *, json: bool) -> None:
    """The report to a file by its ending, or to standard output. Raises UsageFailure."""
    from incidents.desk.report_page import report_html, report_text
    from pipeline.app.terminal import print_json
    from pipeline.app.whole_files import write_text_file

    if output is not None:
        made = {".html": report_html, ".htm": report_html, ".txt": report_text}.get(
            Path(output).suffix.lower()
        )
        if made is None:
            raise UsageFailure(f"-o: expected a name that ends in .html or .txt, found {output!r}")
        write_text_file(Path(output), made(report, lang))
        say(f"{output} written")
    if json:
        print_json(report)
    elif output is None:
        print(report_text(report, lang), end="")
