"""`prebill support`: the desk: requests, their clocks, letters, paid work, and the weekly report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipeline.app import parameters
from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag
from pipeline.app.stores import any_store
from pipeline.app.terminal import print_json, say
from pipeline.shape import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incidents.desk.mail.letters import Office
    from incidents.desk.model import DeskEvent
    from incidents.desk.requests import Desk
    from pipeline.app.context import Context
    from pipeline.app.support.acts import Given
    from pipeline.app.support.log import StoreLog
    from pipeline.store.store import Store

Action = Literal[
    "add", "list", "show", "answer", "assign", "file", "promise", "pause", "resume", "close", "nps", "paid", "call",
    "report", "intake", "token",
]  # fmt: skip

_ALLOWED: dict[str, set[str]] = {
    "add": {"kind", "text", "subject", "lang", "email", "actor"},
    "list": {"customer", "manager", "late", "all", "lang"},
    "show": {"lang"},
    "answer": {"text", "by", "sent", "actor"},
    "assign": {"manager", "actor"},
    "file": {"customer", "kind", "lang", "email", "actor"},
    "promise": {"by", "actor"},
    "pause": {"text", "actor"},
    "resume": {"text", "actor"},
    "close": {"text", "actor"},
    "nps": {"score", "text", "actor"},
    "paid": {"hours", "price", "rate", "currency", "prepaid", "buy", "by", "again", "text", "actor"},
    "call": {"score", "test", "unanswered", "text", "actor"},
    "report": {"week", "lang", "output"},
    "intake": {"watch"},
    "token": {"customer"},
}
_NO_OBJECT = {"list", "report", "intake"}
_OBJECT = {"add": "a customer", "paid": "a request, or a customer", "token": "a name for it"}


def support(
    action: Action,
    what: str | None = None,
    /,
    *,
    customer: Annotated[list[str] | None, Parameter(negative="")] = None,
    kind: Literal["technical", "billing", "question"] | None = None,
    text: str | None = None,
    subject: str | None = None,
    lang: Literal["ru", "en"] | None = None,
    email: str | None = None,
    manager: str | None = None,
    by: str | None = None,
    score: int | None = None,
    hours: str | None = None,
    price: str | None = None,
    rate: str | None = None,
    currency: str | None = None,
    prepaid: Flag = False,
    buy: Flag = False,
    test: Flag = False,
    unanswered: Flag = False,
    sent: Flag = False,
    again: Flag = False,
    late: Flag = False,
    all: Flag = False,  # noqa: A002 - the option's own name
    week: str | None = None,
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    watch: Flag = False,
    actor: str | None = None,
    json: Flag = False,
    context: parameters.Given,
) -> int:
    """The support desk: requests in, answers out, clocks, and the weekly report.

    `intake`: letters in, acknowledgements out. `add CUSTOMER --text T`:
    a request that came otherwise. `list`, `show ID`: what is open, who is
    late. `answer ID --text T`: writes to the client. `promise ID --by DATE`,
    `pause ID` (it waits for the client), `resume ID`, `close ID`, `nps ID
    --score N`. `assign ID --manager M`, `file ID --customer C --kind K`.
    `paid ID|CUSTOMER`: paid work, or hours bought ahead. `call`: a call to
    the support line. `report --week YYYY-Www`: the week beside the one before.
    `token NAME [--customer C]`: lets a client's program hand requests in.

    Parameters
    ----------
    action
        What to do, as above.
    what
        A request's number; add: a customer; paid: either; token: its name.
    customer
        list: of this customer. file: whose the request is. token: for whose requests; may be given again.
    kind
        add, file: what it is about. Default of add: question.
    text
        What was said; `-` reads standard input.
    subject
        add: its subject.
    lang
        add, file: the client's; default: the customer's. list, show, report: the page's; default: tasks.language.
    email
        add, file: where letters go. An address whose letters came back works again once file names it.
    manager
        assign: who is on it. list: of this manager.
    by
        promise, answer: the promised date. paid --buy: when hours expire. A day ends at its midnight.
    score
        nps: 0 to 10. call: how polite, 0 to 10.
    hours
        paid: hours worked, or bought.
    price
        paid: for all of the work, or of the hours bought.
    rate
        paid: the price of an hour.
    currency
        paid: of the price. Default: support.currency.
    prepaid
        paid: out of hours bought ahead.
    buy
        paid: hours bought ahead.
    test
        call: it was a test. Unanswered, it pages whoever is on call.
    unanswered
        call: nobody answered.
    sent
        answer: it went another way; nothing is sent.
    again
        paid: enters the same work or hours once more.
    late
        list: only what is late. Exit code 1 where anything is.
    all
        list: closed requests too.
    week
        report: the week, as YYYY-Www. Default: the last whole one.
    output
        report: a file, .html or .txt.
    watch
        intake: again and again, every support.poll, until ended.
    actor
        Who does it. Default: the user of this process.
    json
        One JSON document on standard output.
    """
    if customer and len(customer) > 1 and action != "token":
        raise UsageFailure(f"--customer: expected one with {action}, found {len(customer)}")
    given = {
        "customer": customer[0] if customer else None, "kind": kind, "text": text, "subject": subject, "lang": lang,
        "email": email,
        "manager": manager, "by": by, "score": score, "hours": hours, "price": price, "rate": rate,
        "currency": currency, "prepaid": prepaid, "buy": buy, "test": test, "unanswered": unanswered, "sent": sent,
        "again": again,
        "actor": actor,
    }  # fmt: skip
    _check(action, what, given | {"late": late, "all": all, "week": week, "output": output, "watch": watch})
    if action == "token":
        from pipeline.app.support.tokens import make_token

        return make_token(str(what), tuple(customer or ()), context.config, json=json)
    from incidents.desk.acts import ActError
    from incidents.desk.rounds import office
    from pipeline.app.support import acts as support_acts
    from pipeline.app.support.log import StoreLog

    config, of = context.config, office(context.config.support)
    typed = support_acts.Given(**{**given, "what": what, "actor": acting_user(actor)})  # type: ignore[arg-type]
    with any_store(context) as store:
        log = StoreLog(store, lambda: context.now().timestamp())
        try:
            if action == "intake":
                from pipeline.app.support.mail import intake

                return intake(store, log, of, config, context.clock(), watch=watch, json=json)
            if action in ("list", "show"):
                return _look(log, of, context, action, typed, late=late, every=all, json=json)
            if action == "report":
                return _report(
                    store, log, of, context, week, lang or config.tasks.language, output, json=json
                )
            new = _act(store, log, of, context, action, typed)
        except ActError as error:
            raise UsageFailure(f"support {action}: {error}") from None
        _follow(log, of, context, json=json, action=action, new=new, what=what)
        if action == "close" and new:
            _end_incident(store, log, context, str(what).removeprefix("#"))
    return 0


def _check(action: str, what: str | None, given: Mapping[str, object]) -> None:
    problems = []
    if what is None and action not in _NO_OBJECT | {"call"}:
        problems.append(f"support {action}: expected {_OBJECT.get(action, 'the number of a request')}")
    if what is not None and action in _NO_OBJECT:
        problems.append(f"support {action}: takes no name, found {what!r}")
    for name, value in given.items():
        if value not in (None, False) and name not in _ALLOWED[action]:
            where = ", ".join(each for each, names in _ALLOWED.items() if name in names)
            problems.append(f"--{name}: not with {action}; only with {where}")
    if problems:
        raise UsageFailure(problems)


def _act(
    store: Store, log: StoreLog, of: Office, context: Context, action: str, given: Given
) -> list[DeskEvent]:
    from pipeline.app.support import acts as do

    now = context.now().timestamp()
    if action == "add":
        return do.add(store, log, of, context.config, given, now)
    if action == "answer":
        return do.answer(log, of, given, now)
    if action == "assign":
        return do.assign(log, of, given, now)
    if action == "file":
        return [*do.file(log, context.config, given, now), *do.settle(store, log, of, now)]
    if action == "promise":
        return do.promise(log, of, given, now)
    if action == "paid":
        return do.paid(log, of, context.config, given, now)
    if action == "call":
        return do.call(store, log, given, now)
    return do.turn(log, action, given, now)


def _look(
    log: StoreLog,
    of: Office,
    context: Context,
    action: str,
    given: Given,
    *,
    late: bool,
    every: bool,
    json: bool,
) -> int:
    from incidents.desk.acts import find_request
    from pipeline.app.support.output import print_list, print_request

    now, language = context.now().timestamp(), given.lang or context.config.tasks.language
    desk = log.read(now)
    if action == "show":
        print_request(find_request(desk, str(given.what)), of.clocks, now, language, json=json)
        return 0
    _known("customer", given.customer, {each.id for each in context.config.customer}, desk)
    _known("manager", given.manager, {each.id for each in of.settings.manager}, desk)
    found = [
        request
        for request in desk.requests.values()
        if (every or request.is_open)
        and given.customer in (None, request.customer)
        and given.manager in (None, request.manager)
        and (not late or of.clocks.worst(request, now) is not None)
    ]
    print_list(found, of.clocks, now, language, json=json)
    return 1 if late and found else 0


def _known(what: Literal["customer", "manager"], name: str | None, configured: set[str], desk: Desk) -> None:
    """A mistyped name would list nothing, as if nobody were late."""
    known = configured | {getattr(request, what) for request in desk.requests.values()} - {""}
    if name is not None and name not in known:
        raise UsageFailure(f"--{what}: there is no {what} {name!r}; {nearest(name, sorted(known))}")


def _report(
    store: Store,
    log: StoreLog,
    of: Office,
    context: Context,
    week: str | None,
    lang: str,
    output: str | None,
    *,
    json: bool,
) -> int:
    from incidents.desk.report import make_report, parse_week, week_of
    from pipeline.app.support.acts import write_report
    from pipeline.app.support.log import clients_of

    now, tz = context.now().timestamp(), of.settings.tz
    try:
        wanted = parse_week(week, tz) if week else week_of(week_of(now, tz).since - 1, tz)
    except ValueError as error:
        raise UsageFailure(f"--week: {error}") from None
    report = make_report(log.read(now), of, wanted, clients_of(store, context.config), now)
    write_report(report, lang, output, json=json)
    return 0


def _end_incident(store: Store, log: StoreLog, context: Context, request: str) -> None:
    """A closed technical request ends its incident, or what holds that open is named."""
    from pipeline.app.support.log import end_solved

    ended, held = end_solved(store, log, context.now().timestamp())
    if request in ended:
        say("its incident ends with it, as soon as the watch takes it up")
    for each in held:
        if each.request == request:
            say(
                f"its incident {each.incident} stays open: {each.by} is about the same client, and is not resolved"
            )


def _follow(
    log: StoreLog,
    of: Office,
    context: Context,
    *,
    json: bool,
    action: str,
    new: list[DeskEvent],
    what: str | None,
) -> None:
    """Letters that an act brings are sent at once; and what was done is said."""
    from incidents.desk.log import event_type
    from pipeline.app.support.mail import send_due
    from pipeline.app.support.output import request_json

    now = context.now().timestamp()
    if action in ("add", "assign", "close"):
        new = [*new, *send_due(log, of, now)]
    request = next((getattr(event, "request", "") for event in new), "") or (what or "").removeprefix("#")
    found = log.read().requests.get(request)
    if json:
        print_json(
            {
                "events": [event_type(event) for event in new],
                "request": request_json(found, of.clocks, now) if found else None,
            }
        )
        return
    done = ", ".join(event_type(event).replace("_", " ") for event in new) or "nothing to do"
    say(f"request #{request}: {done}" if found else done)
